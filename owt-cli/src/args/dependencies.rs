//! What becomes of the packages that an adaptor names in its metadata block.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use owt_server::Dependencies;

use super::{DEFAULTS, value};

const MODES: [&str; 3] = ["on", "locked", "off"];

#[derive(Debug, Args)]
pub(crate) struct DependencyArgs {
    /// Install the packages that adaptors name in a metadata block (PEP 723), into environments of their own
    ///
    /// This takes uv, on the path or in the server's environment. With locked, only what a lock names is
    /// installed, which comes with the call (FILE.lock, as `uv lock --script` writes it). With off, the
    /// block is ignored.
    #[arg(long, value_name = "WHICH", env = "OWT_DEPENDENCIES")]
    #[arg(default_value = <&str>::from(DEFAULTS.dependencies), help_heading = "Python")]
    #[arg(value_parser = PossibleValuesParser::new(MODES).try_map(|mode| mode.parse::<Dependencies>()))]
    pub(crate) dependencies: Dependencies,

    /// How long installing them may take; no part of a call's --timeout
    #[arg(long, value_name = "SECONDS", env = "OWT_INSTALL_TIMEOUT")]
    #[arg(default_value = value::shown_seconds(DEFAULTS.install_timeout), help_heading = "Python")]
    #[arg(value_parser = value::limit)]
    pub(crate) install_timeout: Duration,
}
