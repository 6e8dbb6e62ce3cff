//! What is called.

pub const ACTION: &str = "http://example.org/calculator/Add";
pub const BODY: &str =
    "<Add xmlns=\"http://example.org/calculator\"><a>17</a><b>25</b></Add>";
