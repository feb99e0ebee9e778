//! The form of the log's lines, from the front and from the workers.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The environment variable that holds the log level of workers.
pub const LEVEL_VARIABLE: &str = "OWT_LOG";

pub fn init_with<W>(level: LevelFilter, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let has_colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let levels = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("actix_http", LevelFilter::OFF)
        // It says what messages hold.
        .with_target("rmcp", LevelFilter::OFF)
        .with_target("owt", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(has_colour)
        .with_target(false);
    // A second call is a test in the same process; the first subscriber stays.
    let _ = tracing_subscriber::registry().with(lines).with(levels).try_init();
}

/// Starts logging in a worker, at the level of the front. Its lines are written at once: it may be
/// killed at any time, and its last lines matter most.
pub fn init_worker() {
    let level = std::env::var(LEVEL_VARIABLE).ok().and_then(|level| level.parse().ok());
    init_with(level.unwrap_or(LevelFilter::INFO), io::stderr);
}
