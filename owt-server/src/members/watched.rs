//! The members of a pool, each with the task that watches it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connections::Connections;
use super::health::watch;
use super::member::Member;
use super::pool::MembersPool;
use crate::config::MemberUrl;

/// How often a name is looked up.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(5);

/// The members of a pool, each with the task that watches it.
pub(super) struct Watched {
    pub(super) pool: Arc<MembersPool>,
    connections: Rc<Connections>,
    members: BTreeMap<Arc<str>, (Arc<Member>, Watch)>,
    /// Why its name was not found when it was looked up last.
    failure: Option<String>,
}

/// A task that ends with this.
struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watched {
    pub(super) fn new(pool: Arc<MembersPool>) -> Self {
        let connections = Connections::new(pool.access.tls.clone());
        Self { pool, connections, members: BTreeMap::new(), failure: None }
    }

    /// Makes these the members.
    pub(super) fn set_urls(&mut self, urls: &[(MemberUrl, u32)]) {
        self.set(urls.iter().map(|(url, weight)| {
            let host = Arc::from(&*url.host);
            Member::new(url.clone(), host, *weight)
        }));
    }

    /// Looks a name up for ever.
    pub(super) async fn keep_looking_up(&mut self, name: &MemberUrl) {
        loop {
            sleep(LOOKUP_INTERVAL).await;
            self.look_up(name).await;
        }
    }

    /// Makes the addresses of a name the members. If it has none now, they are those that were found last.
    pub(super) async fn look_up(&mut self, name: &MemberUrl) {
        let host: Arc<str> = Arc::from(&*name.host);
        let failure = match addresses(name).await {
            Ok(found) => {
                self.set(found.into_iter().map(|url| Member::new(url, host.clone(), 1)));
                None
            }
            Err(err) => Some(err.to_string()),
        };
        if let Some(words) = failure.as_ref().filter(|_| failure != self.failure) {
            tracing::warn!("pool {}: cannot look up {host}: {words}", self.pool.name);
        }
        self.failure = failure;
    }

    /// Makes these the members, and leaves those as they are that were so before.
    fn set(&mut self, members: impl Iterator<Item = Arc<Member>>) {
        let mut before = std::mem::take(&mut self.members);
        for member in members {
            let kept = before.remove(&member.name).unwrap_or_else(|| self.watch(member));
            self.members.insert(kept.0.name.clone(), kept);
        }
        self.connections.forget(|name| before.contains_key(name));
        self.publish();
    }

    /// Adds a member, in the place of the one of this name.
    pub(super) fn add(&mut self, member: Arc<Member>) {
        self.connections.forget(|name| name == &*member.name);
        self.members.insert(member.name.clone(), self.watch(member));
        self.publish();
    }

    /// Has no members any more.
    pub(super) fn clear(&mut self) {
        self.members.clear();
        self.connections.forget(|_| true);
        self.publish();
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Member>> {
        self.members.get(name).map(|(member, _)| member)
    }

    fn watch(&self, member: Arc<Member>) -> (Arc<Member>, Watch) {
        let (pool, connections) = (self.pool.clone(), self.connections.clone());
        let task = tokio::task::spawn_local(watch(pool, member.clone(), connections));
        (member, Watch(task))
    }

    fn publish(&self) {
        self.pool.set_members(self.members.values().map(|(member, _)| member.clone()).collect());
    }
}

/// A member for each address of a name.
async fn addresses(name: &MemberUrl) -> io::Result<Vec<MemberUrl>> {
    let found = lookup_host((&*name.host, name.port)).await?;
    let url = |address: SocketAddr| MemberUrl {
        host: address.ip().to_string(),
        port: address.port(),
        ..name.clone()
    };
    Ok(found.map(url).collect())
}
