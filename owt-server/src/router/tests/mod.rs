//! The router and the keeper, without processes: pools have no workers, and nothing is installed.

mod executor;

use std::sync::Arc;
use std::time::Duration;

use super::environments::EnvironmentPool;
use super::gate::Gate;
use super::plan::{Plan, plan};
use crate::config::Dependencies;
use crate::dispatch::{Dispatchers, Limits};
use crate::environment::{Base, Key, Spec};
use crate::pool::{self, Recycling};

fn base() -> Arc<Base> {
    Arc::new(Base { python: "/python".into(), version: "3.11.2".into(), settings: String::new() })
}

/// What code asks for that names a package.
fn wanted(package: &str) -> (Key, Arc<Spec>) {
    let source = format!("# /// script\n# dependencies = [{package:?}]\n# ///\n");
    match plan(&source, None, Dependencies::On, &base()) {
        Plan::Environment(key, spec) => (key, spec),
        other => panic!("{other:?}"),
    }
}

fn dispatchers() -> Arc<Dispatchers> {
    let (shared, listeners) = pool::Shared::new(1, 1, Recycling::default());
    Dispatchers::new(
        shared,
        listeners,
        Limits { capacity: 1, timeout: None, grace: Duration::ZERO },
    )
}

fn pool(key: Key) -> Arc<EnvironmentPool> {
    Arc::new(EnvironmentPool { key, gate: Gate::open(), dispatchers: dispatchers() })
}
