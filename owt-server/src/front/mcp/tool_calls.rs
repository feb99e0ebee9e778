//! A call of a tool, from its arguments to what it answers.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BodyStream, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use owt_core::{
    CachePolicy, Call, CallGuard, Code, Control, Entry, Envelope, Error, Executor, Failure,
    Headers, Request,
};
use rmcp::model::{CallToolResult, ErrorData};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::arguments::{self, Arguments};
use super::content::{self, Answer, Body};
use super::endpoint_request::{EndpointBody, EndpointRequest};
use super::progress::Reporter;
use super::server::Asker;
use super::{PATH, tools};
use crate::front::call::Attached;
use crate::front::context::RequestContext;
use crate::front::jobs::broken;
use crate::front::routes::{Endpoint, cache_key};
use crate::front::{AppState, Front, access_log};

/// The most bytes of a reply that goes into a message; a larger one is kept, and linked to.
const MAX_INLINE: usize = 1 << 20;

/// Calls that are over so soon have no progress to tell.
const SOON: Duration = Duration::from_millis(10);

/// What agents send.
const JSON: &[u8] = b"application/json";

impl AppState {
    /// Whether agents may send code, and name what is loaded.
    pub(super) fn has_code_tools(&self) -> bool {
        self.takes_code_from_agents && !self.routes.is_only
    }
}

impl<E: Executor + Control + 'static> Front<E> {
    /// Calls a tool. What goes wrong in it is an answer that says so.
    ///
    /// # Errors
    /// If there is no such tool.
    pub(super) async fn call_tool(
        &self,
        name: &str,
        arguments: Option<&RawValue>,
        asker: &Asker,
        reporter: Option<Reporter>,
    ) -> Result<CallToolResult, ErrorData> {
        let has_code = self.state.has_code_tools();
        let id = self.state.request_ids.make();
        let mut context = RequestContext { id, digest: None, is_signed: false };
        let call = match name {
            tools::LIST_ADAPTORS if has_code => {
                let adaptors = self.executor.adaptors().await;
                return Ok(CallToolResult::structured(json!({ "adaptors": adaptors })));
            }
            tools::RUN_PYTHON if has_code => {
                self.of_code(arguments::of_source(arguments), asker, &mut context).await
            }
            tools::CALL_ADAPTOR if has_code => {
                self.of_code(arguments::of_digest(arguments), asker, &mut context).await
            }
            name => {
                let mut all = tools::of_endpoints(self.state.routes.all()).into_iter();
                let Some((_, endpoint)) = all.find(|(other, _)| other == name) else {
                    let problem = "there is no tool with this name: tools/list has all";
                    return Err(ErrorData::invalid_params(problem, None));
                };
                self.of_endpoint_call(&endpoint, arguments, asker, &mut context).await
            }
        };
        let answer = match call {
            Ok(call) => self.answer_of(call, asker, reporter, &mut context).await,
            Err(err) => Err(err.into()),
        };
        Ok(match answer {
            Ok(answer) => answer.into_result(),
            Err(failure) => {
                access_log::failure(&context.id, &failure, context.digest);
                self.state.counters.count_error(&failure.error);
                content::problem(failure.error.sentence())
            }
        })
    }

    /// The call of code that the agent has sent or named.
    async fn of_code(
        &self,
        envelope: Result<Envelope, Error>,
        asker: &Asker,
        context: &mut RequestContext,
    ) -> Result<(Box<Call>, Attached), Error> {
        let envelope = envelope?;
        self.state.limits.check_kwargs(envelope.kwargs.as_deref())?;
        let digest = envelope.code.digest();
        context.digest = Some(digest);
        if let Some(approval) = &self.state.approval {
            approval.check(digest, &envelope.fn_name).await?;
        }
        let call = Box::new(envelope.into_call(asker.request(&Method::POST, PATH, context)));
        Ok((call, self.attached()?))
    }

    /// The call of a named endpoint.
    async fn of_endpoint_call(
        &self,
        endpoint: &Endpoint,
        arguments: Option<&RawValue>,
        asker: &Asker,
        context: &mut RequestContext,
    ) -> Result<(Box<Call>, Attached), Error> {
        let described = endpoint.description(&*self.executor).await?;
        let parameters = described["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let files = parameters.iter().filter(|parameter| parameter["is_file"] == true);
        let files: Vec<&str> = files.filter_map(|parameter| parameter["name"].as_str()).collect();
        let EndpointRequest { path, in_path, body } =
            EndpointRequest::new(endpoint.path(), &files, Arguments::parse(arguments)?)?;
        let envelope = endpoint.envelope(endpoint.current(&*self.executor).await.code);
        let digest = envelope.code.digest();
        context.digest = Some(digest);
        if let Some(approval) = &self.state.approval {
            approval.check(digest, &envelope.fn_name).await?;
        }
        let method = endpoint.method_for_arguments();
        let mut request = asker.request(&method, &path, context);
        let mut cache = None;
        match body {
            EndpointBody::Json(json) => {
                let key = || cache_key(&method, &path, digest, &json);
                cache = envelope
                    .use_cache
                    .then(|| CachePolicy { with_kwargs: false, key: Some(key()) });
                request.headers.push(CONTENT_TYPE.as_str(), JSON);
                request.body = json;
            }
            EndpointBody::Form(parts) => {
                request.headers.push(CONTENT_TYPE.as_str(), b"multipart/form-data");
                request.parts = Some(parts);
            }
        }
        let mut call = Box::new(envelope.into_call(request));
        (call.cache, call.entry, call.home) =
            (cache, Entry::Endpoint(in_path), Some(endpoint.home()));
        Ok((call, self.attached()?))
    }

    /// What goes with any call of an agent's: the message that it came in is no part of it.
    fn attached(&self) -> Result<Attached, Error> {
        if self.state.drain.is_draining() {
            return Err(Error::Draining);
        }
        let guard = CallGuard::new(self.state.drain.enter());
        let held = self.state.memory_budget.hold(self.state.body_timeout);
        Ok(Attached { rest: None, guard, held })
    }

    /// Runs a call, and tells how far it is.
    async fn answer_of(
        &self,
        (call, attached): (Box<Call>, Attached),
        asker: &Asker,
        mut reporter: Option<Reporter>,
        context: &mut RequestContext,
    ) -> Result<Answer, Failure> {
        let (id, is_code) = (context.id.clone(), call.home.is_none());
        let method: Method = call.request.method.parse().unwrap_or_default();
        let path = call.request.path.clone();
        let no_headers = HeaderMap::new();
        let running = self.run((call, attached), (&method, &no_headers), context);
        let response = self.follow(&id, running, reporter.as_mut()).await?;
        let digest = context.digest;
        let (status, headers) = (response.status(), response.headers());
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.map(str::to_owned);
        let digest_of_code = digest.filter(|_| is_code);
        let answer = |body, uri| Answer { status, media_type, body, uri, digest: digest_of_code };
        match collect(response, reporter).await? {
            Collected::Whole(bytes) => Ok(answer(Body::Whole(bytes), format!("owt:calls/{id}"))),
            Collected::TooLarge(response) => {
                let code = Code::Known(digest.expect("each call has one"));
                let seen = Envelope::new(code).into_call(asker.request(&method, &path, context));
                let kept = self.keep(&seen, *response).await?;
                let uri = format!("{}://{}{}", asker.scheme, asker.host, kept.location);
                Ok(answer(Body::Kept { bytes: kept.bytes }, uri))
            }
        }
    }

    /// Waits for a reply, and passes on what its code reports until then.
    async fn follow(
        &self,
        id: &str,
        running: impl Future<Output = Result<HttpResponse, Failure>>,
        reporter: Option<&mut Reporter>,
    ) -> Result<HttpResponse, Failure> {
        let mut running = pin!(running);
        let Some(reporter) = reporter else { return running.await };
        if let Ok(outcome) = timeout(SOON, running.as_mut()).await {
            return outcome;
        }
        let Some(mut progress) = self.executor.progress(id).await else { return running.await };
        loop {
            tokio::select! {
                outcome = running.as_mut() => return outcome,
                report = progress.next() => match report {
                    Some(report) => reporter.report(report).await,
                    None => return running.await,
                },
            }
        }
    }
}

impl Asker {
    /// The request that a handler sees, without a body.
    fn request(&self, method: &Method, path: &str, context: &RequestContext) -> Request {
        Request {
            id: context.id.clone(),
            method: method.as_str().to_owned(),
            scheme: self.scheme.to_owned(),
            host: self.host.clone(),
            path: path.to_owned(),
            query: String::new(),
            remote_addr: self.remote_addr.clone(),
            headers: Headers::from_iter([("host", &self.host)]),
            body: Bytes::new(),
            parts: None,
        }
    }
}

/// A reply, as far as it was read.
enum Collected {
    Whole(Bytes),
    /// All of it, of which a beginning has been read.
    TooLarge(Box<HttpResponse>),
}

/// Reads a reply to its end, unless it is too large for a message. Of one that is streamed, each piece is
/// told as it comes.
async fn collect(
    response: HttpResponse,
    mut reporter: Option<Reporter>,
) -> Result<Collected, Error> {
    let (response, mut body) = response.into_parts();
    if let BodySize::Sized(len) = body.size()
        && len > MAX_INLINE as u64
    {
        // As it is: who keeps it knows its length beforehand.
        return Ok(Collected::TooLarge(Box::new(response.set_body(body))));
    }
    let is_streamed = matches!(body.size(), BodySize::Stream);
    let mut bytes = BytesMut::new();
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await {
        let chunk = chunk.map_err(|err| broken(&*err))?;
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_INLINE {
            let rest = stream::poll_fn(move |cx| Pin::new(&mut body).poll_next(cx));
            let whole = stream::once(async { Ok(bytes.freeze()) }).chain(rest);
            let body = BodyStream::new(Box::pin(whole)).boxed();
            return Ok(Collected::TooLarge(Box::new(response.set_body(body))));
        }
        if let Some(reporter) = reporter.as_mut().filter(|_| is_streamed) {
            reporter.piece(&chunk, bytes.len() as u64).await;
        }
    }
    Ok(Collected::Whole(bytes.freeze()))
}
