//! The server's log: lines on standard error, of the same form from the front and the workers.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable by which the front tells its workers how much to log.
pub(crate) const LEVEL_VARIABLE: &str = "OWT_LOG";

/// Logs from here on, as much as `level` says. Colour only on a terminal (and never with `NO_COLOR`).
///
/// Libraries are heard only when they warn: what actix-web has to say of itself is no news to users,
/// and what it says of requests that are no HTTP, a client could fill the log with.
pub fn init(level: LevelFilter) {
    let has_colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let levels = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http", LevelFilter::OFF)
        .with_target("owt", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(has_colour)
        .with_target(false);
    // A second call is a test in the same process; the first subscriber stays.
    let _ = tracing_subscriber::registry().with(lines).with(levels).try_init();
}

/// Logs as the front was told to.
pub(crate) fn init_worker() {
    let level = std::env::var(LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    init(level.unwrap_or(LevelFilter::INFO));
}
