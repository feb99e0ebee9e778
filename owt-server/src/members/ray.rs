//! Members that Ray finds a place for. A program in Python, `owt._ray`, asks Ray for them and says which are
//! there, a line of JSON each; it ends, and they with it, when its standard input does.

mod certificate;
mod driver;
mod event;
mod launch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use certificate::HOST;
use driver::Driver;
use event::Event;
pub(crate) use launch::RayLaunch;

use super::member::{Condition, Member};
use super::pool::MembersPool;
use super::watched::Watched;
use crate::config::MemberUrl;

/// How long until a driver that has ended is started again; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// How a driver's life has ended.
enum End {
    /// This server stops.
    Stopped,
    /// By itself; whether all members had been there.
    Alone(bool),
}

/// Follows Ray until it is told to stop, and then waits until nothing is left.
pub(super) async fn follow(
    mut watched: Watched,
    launch: RayLaunch,
    stopped: impl Future<Output = ()>,
) {
    let mut stopped = std::pin::pin!(stopped);
    let mut pause = FIRST_PAUSE;
    while let End::Alone(was_ready) = drive(&mut watched, &launch, &mut stopped).await {
        watched.clear();
        pause = if was_ready { FIRST_PAUSE } else { pause };
        let name = &watched.pool.name;
        tracing::warn!("pool {name}: Ray's driver has ended; another one is started in {pause:?}");
        tokio::select! {
            () = sleep(pause) => {}
            () = &mut stopped => return,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Runs one driver to its end.
async fn drive(
    watched: &mut Watched,
    launch: &RayLaunch,
    mut stopped: impl Future<Output = ()> + Unpin,
) -> End {
    let mut driver = match Driver::start(launch, &settings(launch, &watched.pool)) {
        Ok(driver) => driver,
        Err(err) => {
            tracing::error!("pool {}: Ray's driver does not start: {err}", watched.pool.name);
            return End::Alone(false);
        }
    };
    let mut was_ready = false;
    loop {
        let event = tokio::select! {
            event = driver.next() => event,
            () = &mut stopped => {
                driver.stop().await;
                return End::Stopped;
            }
        };
        let Some(event) = event else { return End::Alone(was_ready) };
        was_ready |= event == Event::Ready;
        note(watched, event);
    }
}

/// The line that the driver reads.
fn settings(launch: &RayLaunch, pool: &MembersPool) -> Value {
    let RayLaunch { config, token, certificate, .. } = launch;
    let workers = config.workers.map(|workers| ["--workers".to_owned(), workers.to_string()]);
    let no_eval = pool.limits.takes_data_only.then(|| "--no-eval".to_owned());
    json!({
        "pool": &*pool.name,
        "address": config.address,
        "members": config.members,
        "num_gpus": config.num_gpus,
        "num_cpus": config.num_cpus,
        "resources": config.resources.iter().cloned().collect::<BTreeMap<_, _>>(),
        "runtime_env": config.runtime_env.as_ref().and_then(read_json),
        "keep": config.is_kept,
        "owt": std::env::current_exe().ok(),
        "arguments": workers.into_iter().flatten().chain(no_eval).collect::<Vec<_>>(),
        "token": token,
        "cert": certificate.cert,
        "key": certificate.key,
    })
}

fn read_json(path: &PathBuf) -> Option<Value> {
    let read = std::fs::read(path).map_err(|err| err.to_string());
    let json = read.and_then(|text| serde_json::from_slice(&text).map_err(|err| err.to_string()));
    json.inspect_err(|err| tracing::error!("cannot use {}: {err}", path.display())).ok()
}

/// Logs what the driver says, and follows it.
fn note(watched: &mut Watched, event: Event) {
    let pool = watched.pool.name.clone();
    let level = if matches!(event, Event::Failed { .. }) { "cannot go on: " } else { "" };
    tracing::info!("pool {pool}: {level}{event}");
    match event {
        Event::Member { index, url, .. } => {
            if let Ok(url) = url.parse::<MemberUrl>() {
                // By this name, code stays with it wherever it is started again.
                watched.add(Member::named(&name(&pool, index), url, Arc::from(HOST), 1));
            }
        }
        Event::Lost { index, reason } => {
            if let Some(member) = watched.get(&name(&pool, index)) {
                member.set(&pool, Condition::Silent(reason.into()), None);
            }
        }
        Event::Waiting { .. } | Event::Ready | Event::Failed { .. } => {}
    }
}

fn name(pool: &str, index: u32) -> String {
    format!("{pool}-{index}")
}
