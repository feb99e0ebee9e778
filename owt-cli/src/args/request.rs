//! What the adaptor sees of the request.

use clap::Args;
use owt_client::Method;
use owt_client::header::{HeaderName, HeaderValue};

use super::value;

#[derive(Debug, Args)]
#[command(next_help_heading = "The request")]
pub(crate) struct RequestArgs {
    /// The body; @FILE is a file's content, @- standard input
    #[arg(short, long, value_name = "BODY")]
    pub(crate) data: Option<String>,

    /// A header, as 'Name: value'; repeatable
    #[arg(short = 'H', long, value_name = "HEADER", value_parser = value::header)]
    pub(crate) header: Vec<(HeaderName, HeaderValue)>,

    /// The method
    #[arg(short = 'X', long, value_name = "METHOD", default_value = "POST")]
    pub(crate) method: Method,
}
