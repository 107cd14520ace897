//! What a browser may run and load: this style, this script, and nothing else.

/// The page's style.
pub const STYLE: &str = include_str!("style.css");
/// The page's script; all of the report can be read without it.
pub const SCRIPT: &str = concat!(include_str!("script.js"), include_str!("select.js"));

/// SHA-256 of [`STYLE`] in base64.
pub const STYLE_HASH: &str = "73w4+4W2LkkmJwxNpHe0NtFaPd00t4+k7HtPzmbUyic=";
/// SHA-256 of [`SCRIPT`] in base64.
pub const SCRIPT_HASH: &str = "9+J9xQzXp3Gb38l7uR2RnPXVGTsnrkFDT+/xj1I6L8M=";

/// The content security policy, as CSP 3 writes it: what is not named is forbidden, inline
/// code is known by its hash.
#[must_use]
pub fn policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{STYLE_HASH}'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'"
    )
}
