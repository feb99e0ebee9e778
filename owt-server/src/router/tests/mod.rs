//! The router and the keeper, without processes: pools have no workers, and nothing is installed.

mod keeper;
mod plans;
mod pool_executor;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use owt_core::{Call, Code, Envelope, Headers, Request};

use super::environments::EnvironmentPool;
use super::gate::Gate;
use super::plan::{Place, place, script};
use crate::config::Dependencies;
use crate::dispatch::{Dispatchers, Limits};
use crate::environment::{Base, Key, Spec};
use crate::pool::{self, Profile, Recycling};

fn base() -> Arc<Base> {
    Arc::new(Base { python: "/python".into(), version: "3.11.2".into(), settings: String::new() })
}

/// What code asks for that names a package.
fn wanted(package: &str) -> (Key, Arc<Spec>) {
    let source = format!("# /// script\n# dependencies = [{package:?}]\n# ///\n");
    match place(script(&source).unwrap(), None, Dependencies::On, &base()) {
        Ok(Place::Environment(key, spec)) => (key, spec),
        other => panic!("{other:?}"),
    }
}

fn call(id: &str) -> Call {
    let request = Request {
        id: id.to_owned(),
        method: "POST".to_owned(),
        scheme: "http".to_owned(),
        host: "localhost".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        remote_addr: "127.0.0.1".to_owned(),
        headers: Headers::default(),
        body: Bytes::new(),
        parts: None,
    };
    Envelope::new(Code::source("1 + 1")).into_call(request)
}

fn dispatchers() -> Arc<Dispatchers> {
    let profile = Profile::plain(1, Recycling::default());
    let (shared, listeners) = pool::Shared::new(profile.into(), 1);
    let (timeout, grace, slots) = (None, Duration::ZERO, None);
    Dispatchers::new(
        shared,
        listeners,
        Limits { capacity: 1, timeout, grace, replicas: 1, slots },
        Arc::default(),
    )
}

fn pool(key: Key) -> Arc<EnvironmentPool> {
    Arc::new(EnvironmentPool { key, gate: Gate::open(), dispatchers: dispatchers() })
}
