//! Limits on what clients send. The defaults fit nearly everybody, so only `--help` shows them, not `-h`.

use std::ops::RangeInclusive;

use clap::Args;
use clap::builder::TypedValueParser;
use owt_server::RequestLimits;

use super::options::at_least_one;
use crate::args::{DEFAULTS, value};

/// The limits of a server that is told none.
fn defaults() -> RequestLimits {
    DEFAULTS.request_limits
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits on requests")]
pub(super) struct LimitArgs {
    /// How many connections one address may have
    ///
    /// Others are answered 429 and closed. The default is 1000, and no limit for this machine, whose
    /// programs and proxies share an address. IPv6 addresses count by their network of 64 bits.
    #[arg(long, value_name = "N", env = "OWT_MAX_CONNECTIONS_PER_ADDRESS", hide_short_help = true)]
    #[arg(value_parser = at_least_one())]
    pub(super) max_connections_per_address: Option<usize>,

    /// How many requests one connection of HTTP/2 may have under way; its client is told, and waits
    #[arg(long, value_name = "N", env = "OWT_MAX_STREAMS", hide_short_help = true)]
    #[arg(default_value_t = defaults().streams, value_parser = at_least_one())]
    max_streams: usize,

    /// How long the head of a request may be, 128K at most
    #[arg(long, value_name = "SIZE", env = "OWT_MAX_HEAD", hide_short_help = true)]
    #[arg(default_value = value::shown_bytes(defaults().head as u64))]
    #[arg(value_parser = bytes_up_to(RequestLimits::MAX_HEAD))]
    max_head: usize,

    /// How many headers a request may have, 96 at most
    #[arg(long, value_name = "N", env = "OWT_MAX_HEADERS", hide_short_help = true)]
    #[arg(default_value_t = defaults().headers, value_parser = up_to(RequestLimits::MAX_HEADERS))]
    max_headers: usize,

    /// How long path and query of a URL may be, 65534 at most
    #[arg(long, value_name = "SIZE", env = "OWT_MAX_URL", hide_short_help = true)]
    #[arg(default_value = value::shown_bytes(defaults().url as u64))]
    #[arg(value_parser = bytes_up_to(RequestLimits::MAX_URL))]
    max_url: usize,

    /// How many fields a query or a form may have
    #[arg(long, value_name = "N", env = "OWT_MAX_FIELDS", hide_short_help = true)]
    #[arg(default_value_t = defaults().fields, value_parser = at_least_one())]
    max_fields: usize,

    /// How many parts a multipart form may have
    #[arg(long, value_name = "N", env = "OWT_MAX_PARTS", hide_short_help = true)]
    #[arg(default_value_t = defaults().parts, value_parser = at_least_one())]
    max_parts: usize,

    /// How deep the brackets of arguments may nest
    ///
    /// Python itself reads no literals with more than 200, and JSON with up to a thousand or more.
    #[arg(long, value_name = "N", env = "OWT_MAX_NESTING", hide_short_help = true)]
    #[arg(default_value_t = defaults().nesting, value_parser = at_least_one())]
    max_nesting: usize,

    /// How much memory arguments may take once they are read, with --no-eval
    ///
    /// Estimated from their text: 4 bytes for each byte of it, and for each word, number or sign 64
    /// bytes if it is JSON, 600 if it is a Python literal. Arguments that are evaluated may take any.
    #[arg(long, value_name = "SIZE", env = "OWT_MAX_KWARGS", hide_short_help = true)]
    #[arg(default_value = value::shown_bytes(defaults().kwargs.unwrap_or(u64::MAX)))]
    #[arg(value_parser = value::bytes)]
    max_kwargs: u64,
}

impl LimitArgs {
    pub(super) fn into_limits(self) -> RequestLimits {
        RequestLimits {
            head: self.max_head,
            headers: self.max_headers,
            url: self.max_url,
            fields: self.max_fields,
            parts: self.max_parts,
            streams: self.max_streams,
            nesting: self.max_nesting,
            kwargs: Some(self.max_kwargs),
        }
    }
}

fn up_to(most: usize) -> impl TypedValueParser<Value = usize> {
    at_least_one().try_map(move |number| at_most(number, most))
}

fn bytes_up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| at_most(usize::try_from(value::bytes(text)?).unwrap_or(usize::MAX), most)
}

fn at_most(number: usize, most: usize) -> Result<usize, String> {
    let range: RangeInclusive<usize> = 1..=most;
    match range.contains(&number) {
        true => Ok(number),
        false => Err(format!("give a number from 1 to {most}")),
    }
}
