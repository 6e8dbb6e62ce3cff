//! Puts a counter before each function of the library, for the program that
//! counts what crosses the boundary: the linker sends its calls to a jump there.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn main() {
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../capi");
    let map = map.join("wws.map");
    let symbols = fs::read_to_string(&map).expect("the symbols");
    let mut jumps = String::new();

    println!("cargo:rerun-if-changed={}", map.display());
    for word in symbols.split_whitespace() {
        let name = match word.strip_suffix(';') {
            Some(name) if name.starts_with("wws_") => name,
            _ => continue,
        };
        println!("cargo:rustc-link-arg-bin=crossings=-Wl,--wrap={name}");
        writeln!(
            jumps,
            ".globl __wrap_{name}\n__wrap_{name}:\n\
             lock incq crossings(%rip)\njmp *__real_{name}@GOTPCREL(%rip)"
        )
        .expect("room");
    }
    let out = env::var_os("OUT_DIR").expect("a folder");
    fs::write(Path::new(&out).join("jumps.s"), jumps).expect("a file");
}
