//! Which server is meant, and what one is told unless the command line says otherwise.

use std::sync::LazyLock;

use clap::Args;
use owt_server::Config;

/// The settings of a server that is started without options.
pub(crate) static DEFAULTS: LazyLock<Config> = LazyLock::new(Config::default);

#[derive(Debug, Args)]
pub(crate) struct UrlArgs {
    /// The server, and the path that the adaptor sees
    #[arg(long, value_name = "BASE", env = "OWT_URL", default_value = default_url())]
    pub(crate) url: String,
}

/// The URL of a server that was started without options, on this machine.
fn default_url() -> String {
    format!("http://{}:{}", DEFAULTS.address, DEFAULTS.port)
}
