//! Environments are made, run and end as their calls come, with a maker that only says what it would do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_util::future::join_all;
use owt_core::Error;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, yield_now};

use super::*;
use crate::environment::Progress;
use crate::router::environments::{Environments, LeasedPool};
use crate::router::keeper::{Keeper, KeeperHandle, MAX_RUNNING};
use crate::router::maker::Maker;

/// What a test sees of a maker, and decides for it.
#[derive(Default)]
struct Recorded {
    events: RefCell<Vec<String>>,
    /// Installations wait until the test releases them.
    is_slow: Cell<bool>,
    error: RefCell<Option<Error>>,
}

impl Recorded {
    fn note(&self, event: &str, package: &str) {
        self.events.borrow_mut().push(format!("{event} {package}"));
    }

    /// What has happened since this was asked last.
    fn events(&self) -> Vec<String> {
        self.events.take()
    }

    async fn until_events(&self, events: usize) {
        while self.events.borrow().len() < events {
            yield_now().await;
        }
    }
}

struct FakeMaker {
    recorded: Rc<Recorded>,
    permits: Rc<Semaphore>,
}

impl Maker for FakeMaker {
    type Installed = String;
    type Workers = String;

    async fn install(&self, spec: &Spec, _: &Progress) -> Result<(String, String), Error> {
        let package = spec.dependencies().concat();
        self.recorded.note("install", &package);
        if self.recorded.is_slow.get() {
            self.permits.acquire().await.unwrap().forget();
        }
        match self.recorded.error.borrow().clone() {
            Some(err) => Err(err),
            None => Ok((package, "3.12.1".to_owned())),
        }
    }

    async fn start(
        &self,
        key: Key,
        package: String,
    ) -> Result<(Arc<EnvironmentPool>, String), Error> {
        self.recorded.note("start", &package);
        Ok((pool(key), package))
    }

    async fn stop(&self, package: String) {
        self.recorded.note("stop", &package);
    }

    fn remove_unused(&self, _: &[Key]) {}
}

/// A keeper at work.
struct Kept {
    handle: KeeperHandle,
    environments: Arc<Environments>,
    recorded: Rc<Recorded>,
    permits: Rc<Semaphore>,
}

impl Kept {
    fn start() -> Self {
        let (recorded, permits) = (Rc::<Recorded>::default(), Rc::new(Semaphore::new(0)));
        let maker = FakeMaker { recorded: recorded.clone(), permits: permits.clone() };
        let (keeper, environments) = Keeper::new(maker, Dependencies::On, base(), 1);
        Self { handle: keeper.start(), environments, recorded, permits }
    }

    async fn call(&self, package: &str) -> Result<LeasedPool, Error> {
        let (key, spec) = wanted(package);
        self.environments.pool(key, spec).await
    }
}

/// Packages of as many environments.
fn packages(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number}")).collect()
}

fn codes(answers: &[Result<LeasedPool, Error>]) -> Vec<&'static str> {
    answers.iter().map(|answer| answer.as_ref().map_or_else(Error::code, |_| "leased")).collect()
}

#[tokio::test]
async fn calls_of_an_environment_wait_for_one_installation() {
    let run = async {
        let kept = Kept::start();
        let answers = join_all((0..3).map(|_| kept.call("six"))).await;
        assert_eq!(codes(&answers), ["leased"; 3]);
        assert_eq!(codes(&[kept.call("six").await]), ["leased"]);
        assert_eq!(kept.recorded.events(), ["install six", "start six"]);
    };
    LocalSet::new().run_until(run).await;
}

#[tokio::test]
async fn a_failure_is_told_to_all_that_wait_and_tried_again_by_the_next() {
    let run = async {
        let kept = Kept::start();
        kept.recorded.error.replace(Some(Error::DependenciesUnavailable));
        let answers = join_all((0..2).map(|_| kept.call("six"))).await;
        assert_eq!(codes(&answers), ["dependencies-unavailable"; 2]);
        kept.recorded.error.take();
        assert_eq!(codes(&[kept.call("six").await]), ["leased"]);
        assert_eq!(kept.recorded.events(), ["install six", "install six", "start six"]);
    };
    LocalSet::new().run_until(run).await;
}

#[tokio::test]
async fn an_environment_takes_the_place_of_one_that_nobody_calls_once_it_is_installed() {
    let run = async {
        let kept = Kept::start();
        let all = packages(MAX_RUNNING);
        let mut answers = join_all(all.iter().map(|package| kept.call(package))).await;
        assert_eq!(codes(&answers), ["leased"; MAX_RUNNING]);
        kept.recorded.events();
        assert_eq!(codes(&[kept.call("six").await]), ["worker-unavailable"]);
        assert_eq!(kept.recorded.events(), ["install six"]);
        drop(answers.remove(3));
        assert_eq!(codes(&[kept.call("six").await]), ["leased"]);
        kept.recorded.until_events(3).await;
        let mut events = kept.recorded.events();
        events.sort();
        assert_eq!(events, ["install six", "start six", "stop p3"]);
    };
    LocalSet::new().run_until(run).await;
}

#[tokio::test]
async fn installations_take_no_places() {
    let run = async {
        let kept = Kept::start();
        kept.recorded.is_slow.set(true);
        let all = packages(MAX_RUNNING + 2);
        let release = async {
            kept.recorded.until_events(all.len()).await;
            kept.permits.add_permits(all.len());
        };
        let calls = join_all(all.iter().map(|package| kept.call(package)));
        let (answers, ()) = tokio::join!(calls, release);
        let mut codes = codes(&answers);
        codes.sort_unstable();
        assert_eq!(codes[..MAX_RUNNING], ["leased"; MAX_RUNNING]);
        assert_eq!(codes[MAX_RUNNING..], ["worker-unavailable"; 2]);
    };
    LocalSet::new().run_until(run).await;
}

#[tokio::test]
async fn a_stop_gives_up_what_is_made_and_ends_what_runs() {
    let run = async {
        let kept = Kept::start();
        assert_eq!(codes(&[kept.call("six").await]), ["leased"]);
        kept.recorded.is_slow.set(true);
        let Kept { handle, environments, recorded, .. } = kept;
        let (key, spec) = wanted("idna");
        let stop = async {
            recorded.until_events(3).await;
            handle.stop().await;
        };
        let (answer, ()) = tokio::join!(environments.pool(key, spec), stop);
        assert_eq!(codes(&[answer]), ["draining"]);
        let events = recorded.events();
        assert_eq!(events, ["install six", "start six", "install idna", "stop six"]);
    };
    LocalSet::new().run_until(run).await;
}
