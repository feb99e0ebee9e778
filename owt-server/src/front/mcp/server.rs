//! What answers the messages of one agent.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap};
use owt_core::{Control, Executor};
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, Implementation, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use send_wrapper::SendWrapper;
use serde_json::value::RawValue;

use super::local::{LocalThread, ThreadEnded};
use super::progress::Reporter;
use crate::front::context::exchange;
use crate::front::{Front, headers};

const INSTRUCTIONS: &str = "\
Calls Python functions on the machine of this server: its named endpoints, and where it allows that, \
Python that you write (run_python).";

/// Who asks, and how.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) session: Option<String>,
    pub(super) remote_addr: String,
    pub(super) scheme: &'static str,
    /// As the client names this server.
    pub(super) host: String,
}

impl Asker {
    pub(super) fn of(request: &HttpRequest, headers: &HeaderMap, session: Option<String>) -> Self {
        let is_secure = exchange(request).is_some_and(|exchange| exchange.is_secure());
        Self {
            session,
            remote_addr: exchange(request)
                .map(|it| it.remote_addr().to_owned())
                .unwrap_or_default(),
            scheme: if is_secure { "https" } else { "http" },
            host: headers::text(headers, &HOST).to_owned(),
        }
    }
}

/// Answers what one message asks for.
pub(super) struct Server<E> {
    /// Touched by its own thread alone.
    front: SendWrapper<Front<E>>,
    thread: LocalThread,
    asker: Asker,
    /// Of the tool that is called, if one is.
    arguments: Arc<Option<Box<RawValue>>>,
}

impl<E> Clone for Server<E> {
    fn clone(&self) -> Self {
        let Self { front, thread, asker, arguments } = self;
        let (front, thread) = (front.clone(), thread.clone());
        Self { front, thread, asker: asker.clone(), arguments: arguments.clone() }
    }
}

impl<E> Server<E> {
    pub(super) fn new(front: Front<E>, asker: Asker, arguments: Option<Box<RawValue>>) -> Self {
        let (front, thread) = (SendWrapper::new(front), LocalThread::here());
        Self { front, thread, asker, arguments: arguments.into() }
    }
}

impl<E: Executor + Control + 'static> ServerHandler for Server<E> {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("owt", env!("CARGO_PKG_VERSION"));
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities).with_server_info(name).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let front = Front::clone(&self.front);
        let tools = self.thread.run(async move { front.tools().await });
        tools.await.map(ListToolsResult::with_all_items).map_err(|ThreadEnded| cancelled())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Asker { session, .. } = &self.asker;
        let tools = &self.front.state.running_tools;
        let running = session.as_deref().map(|session| tools.enter(session, context.id.clone()));
        let result = self.thread.run({
            let (front, asker) = (Front::clone(&self.front), self.asker.clone());
            let reporter = Reporter::of(&context);
            let arguments = self.arguments.clone();
            async move {
                let arguments = arguments.as_ref().as_deref();
                front.call_tool(&request.name, arguments, &asker, reporter).await
            }
        });
        let by_message = async {
            match &running {
                Some(running) => running.cancelled.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = result => match result {
                Ok(result) => result.map(Into::into),
                Err(ThreadEnded) => Err(cancelled()),
            },
            () = context.ct.cancelled() => Err(cancelled()),
            () = by_message => Err(cancelled()),
        }
    }
}

/// The answer to a request that nobody wants any more, if it is sent at all.
fn cancelled() -> ErrorData {
    ErrorData::internal_error("cancelled", None)
}
