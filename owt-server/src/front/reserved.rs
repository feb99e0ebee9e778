//! What is under `/_owt/`: words about the server itself.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use owt_core::Error;
use serde_json::{Value, json};

use super::handler::Front;
use super::metrics;
use crate::pool::Links;

pub(super) async fn answer(
    front: &Front,
    method: &Method,
    path: &str,
) -> Result<HttpResponse, Error> {
    let links = &front.links;
    match (method, path) {
        (&Method::GET | &Method::HEAD, "health") => Ok(health(links)),
        (&Method::GET | &Method::HEAD, "adaptors") => Ok(adaptors(links).await),
        (&Method::GET | &Method::HEAD, "metrics") => Ok(metrics::answer(links, &front.site).await),
        (&Method::GET | &Method::HEAD, "calls") => {
            Ok(HttpResponse::Ok().json(links.shared().calls().await))
        }
        (&Method::DELETE, path) => match path.strip_prefix("calls/") {
            Some(id) => cancel(links, id).await,
            None => forget(links, path),
        },
        _ => Err(Error::PathUnknown),
    }
}

/// Whether calls are answered now, by how many workers of how many, and why by no more.
fn health(links: &Links) -> HttpResponse {
    let (total, alive) = links.shared().workers();
    let reason = links.shared().why_unavailable();
    let (status, word) = match alive {
        _ if links.shared().is_draining() => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        0 if reason.is_some() => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        0 => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        _ if alive < total => (StatusCode::OK, "degraded"),
        _ => (StatusCode::OK, "ready"),
    };
    let mut words = json!({
        "status": word,
        "workers": { "alive": alive, "total": total },
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(reason) = reason {
        words["reason"] = Value::from(&*reason);
    }
    HttpResponse::build(status).json(words)
}

/// The adaptors that are loaded, of all workers.
async fn adaptors(links: &Links) -> HttpResponse {
    let lists = links.list().await;
    let lists =
        lists.iter().map(|list| serde_json::from_slice::<Vec<Value>>(list).unwrap_or_default());
    HttpResponse::Ok().json(lists.flatten().collect::<Vec<_>>())
}

/// Ends the call with this id, wherever it is.
async fn cancel(links: &Links, id: &str) -> Result<HttpResponse, Error> {
    match links.shared().cancel(id).await {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Error::CallUnknown),
    }
}

fn forget(links: &Links, path: &str) -> Result<HttpResponse, Error> {
    let digest = path.strip_prefix("adaptors/").and_then(|hex| hex.parse().ok());
    let digest = digest.ok_or(Error::PathUnknown)?;
    match links.forget(digest) {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Error::CodeUnknown(digest)),
    }
}
