//! `GET /_owt/calls/{id}/events`: the progress of a call as server-sent events, until it is over.

use std::convert::Infallible;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::once;
use owt_core::{Control, Error, Progress, ProgressStream};

/// The last event.
const END: Bytes = Bytes::from_static(b"event: end\ndata: {}\n\n");

/// The call that `path` names.
pub(super) fn call_id(path: &str) -> Option<&str> {
    path.strip_prefix("calls/")?.strip_suffix("/events")
}

pub(super) async fn answer(executor: &impl Control, id: &str) -> Result<HttpResponse, Error> {
    executor.progress(id).await.map(events).ok_or(Error::CallUnknown)
}

fn events(progress: ProgressStream) -> HttpResponse {
    let events = progress.map(|progress| event(&progress)).chain(once(async { END }));
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/event-stream"));
    response.insert_header((CACHE_CONTROL, "no-store"));
    response.streaming(events.map(Ok::<_, Infallible>))
}

fn event(progress: &Progress) -> Bytes {
    // JSON has no line breaks.
    let data = serde_json::to_string(progress).expect("it is numbers and a text");
    format!("event: progress\ndata: {data}\n\n").into()
}
