//! What is under `/_owt/`: the server itself, as its operator sees it.

use actix_web::HttpResponse;
use actix_web::http::{Method, StatusCode};
use owt_core::{Control, Error, Executor, Health, PoolHealth};
use serde_json::{Map, Value, json};

use super::{Front, metrics, progress_events};

pub(super) async fn answer<E: Executor + Control + 'static>(
    front: &Front<E>,
    method: &Method,
    path: &str,
) -> Result<HttpResponse, Error> {
    let executor = &*front.executor;
    match (method, path) {
        (&Method::GET | &Method::HEAD, "health") => {
            Ok(health(&executor.health(), front.state.drain.is_draining()))
        }
        (&Method::GET | &Method::HEAD, "adaptors") => {
            Ok(HttpResponse::Ok().json(executor.adaptors().await))
        }
        (&Method::GET | &Method::HEAD, "environments") => {
            Ok(HttpResponse::Ok().json(executor.environments().await))
        }
        (&Method::GET | &Method::HEAD, "pools") => {
            Ok(HttpResponse::Ok().json(executor.pools().await))
        }
        (&Method::GET | &Method::HEAD, "openapi.json") => front.openapi().await,
        (&Method::GET | &Method::HEAD, "metrics") => {
            Ok(metrics::answer(executor, &front.state).await)
        }
        (&Method::GET | &Method::HEAD, "calls") => {
            let mut calls = executor.calls().await;
            calls.extend(front.state.joined.calls());
            calls.sort_by(|one, other| other.age.total_cmp(&one.age));
            Ok(HttpResponse::Ok().json(calls))
        }
        (&Method::GET, path) => match progress_events::call_id(path) {
            Some(id) => progress_events::answer(executor, id).await,
            None => Err(Error::PathUnknown),
        },
        (&Method::DELETE, path) => match path.strip_prefix("calls/") {
            Some(id) => cancel(front, id).await,
            None => forget(executor, path),
        },
        _ => Err(Error::PathUnknown),
    }
}

/// Whether calls are answered now, by how many workers of how many, and why by no more.
fn health(health: &Health, is_draining: bool) -> HttpResponse {
    let Health { alive, total, reason, pools } = health;
    let pools = pools.iter().map(|PoolHealth { name, alive, total }| {
        (name.to_string(), json!({ "alive": alive, "total": total }))
    });
    let (status, word) = match alive {
        _ if is_draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        0 if reason.is_some() => (StatusCode::SERVICE_UNAVAILABLE, "degraded"),
        0 => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        _ if alive < total => (StatusCode::OK, "degraded"),
        _ => (StatusCode::OK, "ready"),
    };
    let mut document = json!({
        "status": word,
        "workers": { "alive": alive, "total": total },
        "pools": pools.collect::<Map<_, _>>(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(reason) = reason {
        document["reason"] = Value::from(&**reason);
    }
    HttpResponse::build(status).json(document)
}

/// Cancels the call with this id, wherever it is.
async fn cancel<E: Control>(front: &Front<E>, id: &str) -> Result<HttpResponse, Error> {
    match front.state.joined.cancel(id) || front.executor.cancel(id).await {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Error::CallUnknown),
    }
}

fn forget(executor: &impl Control, path: &str) -> Result<HttpResponse, Error> {
    let digest = path.strip_prefix("adaptors/").and_then(|hex| hex.parse().ok());
    let digest = digest.ok_or(Error::PathUnknown)?;
    match executor.forget(digest) {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(Error::CodeUnknown(digest)),
    }
}
