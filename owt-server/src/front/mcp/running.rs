//! The tool calls that run, as their clients name them: by their session and their own ids.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

type Key = (String, RequestId);

#[derive(Debug, Default)]
pub(crate) struct RunningTools {
    calls: Mutex<HashMap<Key, Arc<CancellationToken>>>,
}

/// A tool call that can be cancelled, until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    key: Key,
    tools: Arc<RunningTools>,
    pub(super) cancelled: Arc<CancellationToken>,
}

impl RunningTools {
    /// A client that gives two calls the same id can cancel the later one.
    pub(super) fn enter(self: &Arc<Self>, session: &str, id: RequestId) -> Running {
        let (key, cancelled) = ((session.to_owned(), id), Arc::<CancellationToken>::default());
        self.calls.lock().insert(key.clone(), cancelled.clone());
        Running { key, tools: self.clone(), cancelled }
    }

    pub(super) fn cancel(&self, session: &str, id: RequestId) {
        let call = self.calls.lock().get(&(session.to_owned(), id)).cloned();
        call.inspect(|call| call.cancel());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut calls = self.tools.calls.lock();
        // Another call may have the same id by now.
        if calls.get(&self.key).is_some_and(|call| Arc::ptr_eq(call, &self.cancelled)) {
            calls.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_cancelled_by_its_session_and_its_id() {
        let tools = Arc::<RunningTools>::default();
        let [one, other] = ["a", "b"].map(|session| tools.enter(session, RequestId::Number(1)));
        tools.cancel("a", RequestId::Number(2));
        tools.cancel("b", RequestId::String("1".into()));
        assert!(!one.cancelled.is_cancelled() && !other.cancelled.is_cancelled());
        tools.cancel("a", RequestId::Number(1));
        assert!(one.cancelled.is_cancelled() && !other.cancelled.is_cancelled());
    }

    #[test]
    fn a_call_is_cancelled_after_another_one_with_its_id_has_ended() {
        let tools = Arc::<RunningTools>::default();
        let first = tools.enter("a", RequestId::Number(1));
        let later = tools.enter("a", RequestId::Number(1));
        drop(first);
        tools.cancel("a", RequestId::Number(1));
        assert!(later.cancelled.is_cancelled());
    }

    #[test]
    fn nothing_is_kept_of_a_call_that_is_over() {
        let tools = Arc::<RunningTools>::default();
        drop(tools.enter("a", RequestId::Number(1)));
        assert!(tools.calls.lock().is_empty());
    }
}
