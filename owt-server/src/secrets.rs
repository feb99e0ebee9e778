//! The variables by which the server gets its secrets: its child processes are started without them.

use parking_lot::Mutex;

/// Those of the server itself.
const SECRET_VARIABLES: [&str; 3] = ["OWT_AUTH", "OWT_TOKEN", "OWT_URL_KEY"];

/// Those that the options name.
static NAMED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps a variable from processes that are started later.
pub(crate) fn hide(name: &str) {
    NAMED.lock().push(name.to_owned());
}

/// The names of all of them.
pub(crate) fn variables() -> impl Iterator<Item = String> {
    let named = NAMED.lock().clone();
    SECRET_VARIABLES.into_iter().map(str::to_owned).chain(named)
}
