//! The bodies of the suite: one element of a name, and text in it.

pub const NAMESPACE: &str = "urn:suite";

/// What stands between the first > and the next <; empty if nothing does.
pub fn text_in(body: &[u8]) -> String {
    let body = String::from_utf8_lossy(body);
    let behind = body.split_once('>').map_or("", |(_, behind)| behind);
    behind.split('<').next().unwrap_or_default().to_string()
}

/// An element with text in it.
pub fn body_of(name: &str, text: &str) -> Vec<u8> {
    format!("<{name} xmlns=\"{NAMESPACE}\">{text}</{name}>").into_bytes()
}

pub fn action_of(operation: &str) -> String {
    format!("{NAMESPACE}/{operation}")
}

/// An enumeration's value as the schema has it, in lower case.
pub fn name_of(value: impl std::fmt::Debug) -> String {
    let shown = format!("{value:?}");
    shown.rsplit("::").next().unwrap_or_default().to_lowercase()
}
