//! What is known of a request on its way.

use std::rc::Rc;

use actix_web::HttpRequest;
use owt_core::Digest;

use super::connection::Exchange;

/// What becomes known of a request on its way, for its answer and for the log.
#[derive(Debug, Clone)]
pub(super) struct RequestContext {
    pub(super) id: String,
    /// The digest of the code that it runs; none of a request that is no call.
    pub(super) digest: Option<Digest>,
    /// Whether its URL is signed.
    pub(super) is_signed: bool,
}

/// The connection that a request came over.
pub(super) fn exchange(request: &HttpRequest) -> Option<&Rc<Exchange>> {
    request.conn_data()
}
