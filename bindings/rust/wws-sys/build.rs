//! Finds the library: with the feature `vendored` built by cmake from the tree
//! that this crate is in, otherwise the one that pkg-config knows.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_VENDORED").is_some() {
        build();
    } else {
        link("wws");
    }
}

fn build() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("libwws");
    for folder in ["core", "capi", "CMakeLists.txt"] {
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }

    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&root).arg("-B").arg(&out);
    run(configure.arg("-DCMAKE_BUILD_TYPE=Release"));
    let mut make = Command::new("cmake");
    run(make.arg("--build").arg(&out).args(["--target", "wws-static"]));

    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=wws");
    link("libcares");
}

/// Has the linker find and take what pkg-config says of a package.
fn link(package: &str) {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let mut command = Command::new("pkg-config");
    let flags = run(command.arg("--libs").arg(package));
    for flag in flags.split_whitespace() {
        if let Some(folder) = flag.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={folder}");
        } else if let Some(library) = flag.strip_prefix("-l") {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}

fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    match command.output() {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Ok(output) => {
            panic!("{shown}: {}", String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => panic!("{shown}: {error}"),
    }
}
