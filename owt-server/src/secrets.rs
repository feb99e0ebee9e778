//! The variables by which the server gets its secrets: its child processes are started without them.

/// Their names.
pub(crate) const SECRET_VARIABLES: [&str; 3] = ["OWT_AUTH", "OWT_TOKEN", "OWT_URL_KEY"];
