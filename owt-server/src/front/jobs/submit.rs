//! A call that becomes a job, and how that is carried out.

use std::sync::{Arc, Weak};

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use owt_core::{Call, Code, Control, Error, Executor, Failure};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::answer::location;
use super::job::Job;
use super::stored::Stored;
use super::wish::Wish;
use crate::front::call::Attached;
use crate::front::context::RequestContext;
use crate::front::{AppState, Front, access_log};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A reply that is kept.
pub(in crate::front) struct Kept {
    /// Its path.
    pub(in crate::front) location: String,
    pub(in crate::front) bytes: u64,
}

impl<E: Executor + Control + 'static> Front<E> {
    /// Runs a call, or answers where its reply will be, if its client wishes that.
    pub(in crate::front) async fn run_as_wished(
        &self,
        wish: Option<Wish>,
        (call, attached): (Box<Call>, Attached),
        (method, headers): (&Method, &HeaderMap),
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        match wish {
            None => self.run((call, attached), (method, headers), context).await,
            // On the heap, so that other calls do not carry its size around.
            Some(wish) => {
                Box::pin(self.submit(wish, (call, attached), (method, headers), context)).await
            }
        }
    }

    async fn submit(
        &self,
        wish: Wish,
        call: (Box<Call>, Attached),
        (method, headers): (&Method, &HeaderMap),
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        // At once, so that its client can send the source.
        self.has_source(&call.0.code)?;
        let job = self.state.jobs.add(&call.0)?;
        let (method, for_run) = (method.clone(), headers.clone());
        let carry_out =
            self.clone().carry_out(job.clone(), call, (method, for_run), context.clone());
        actix_web::rt::spawn(carry_out);
        let mut response = match job.wait(wish.wait).await {
            // Its client may have gone: the reply is kept for whoever asks, unless its place is needed.
            true => {
                self.state.jobs.note_fetched(&job);
                self.outcome(&job, headers, context)
            }
            false => Self::accepted(&job.info()),
        };
        let applied = HeaderValue::from_static("respond-async");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        Ok(response)
    }

    /// Keeps a reply that is too large for whoever has asked for it, as that of a job. Nobody has asked for
    /// that, so it goes before the replies of jobs that nobody has read.
    ///
    /// # Errors
    /// Why it breaks off, or why there is no room for it.
    pub(in crate::front) async fn keep(
        &self,
        call: &Call,
        response: HttpResponse,
    ) -> Result<Kept, Error> {
        let jobs = &self.state.jobs;
        let stored = Stored::collect(response, |held, bytes| jobs.hold(held, bytes)).await?;
        let bytes = stored.len() as u64;
        let job = jobs.add(call)?;
        job.end(None, Ok(stored), None);
        jobs.note_fetched(&job);
        actix_web::rt::spawn(expire(self.state.clone(), Arc::downgrade(&job), job.unwanted()));
        Ok(Kept { location: location(&job.id), bytes })
    }

    fn has_source(&self, code: &Code) -> Result<(), Error> {
        match code {
            Code::Known(digest) if self.executor.source(*digest).is_none() => {
                Err(Error::CodeUnknown(*digest))
            }
            _ => Ok(()),
        }
    }

    /// Runs the call of a job, and keeps its reply as long as it is wanted.
    async fn carry_out(
        self,
        job: Arc<Job>,
        call: (Box<Call>, Attached),
        (method, headers): (Method, HeaderMap),
        mut context: RequestContext,
    ) {
        let (jobs, unwanted) = (&self.state.jobs, job.unwanted());
        let run = async {
            let response = self.run(call, (&method, &headers), &mut context).await?;
            Ok(Stored::collect(response, |held, bytes| jobs.hold(held, bytes)).await?)
        };
        let mut outcome: Result<Stored, Failure> = tokio::select! {
            outcome = run => outcome,
            () = unwanted.cancelled() => Err(Error::Cancelled.into()),
        };
        let mut held = None;
        if let Err(failure) = &mut outcome {
            // An error may quote an adaptor's words.
            match jobs.hold(None, failure.error.sentence().len()) {
                Ok(for_error) => held = Some(for_error),
                Err(too_large) => failure.error = too_large,
            }
            access_log::failure(&context.id, failure, context.digest);
            self.state.counters.count_error(&failure.error);
        }
        job.end(context.digest, outcome, held);
        // A task of its own, which does not take the room of all that has run.
        actix_web::rt::spawn(expire(self.state.clone(), Arc::downgrade(&job), unwanted));
    }
}

/// Drops a job that has ended once its time is over. It keeps nothing of it.
async fn expire(state: Arc<AppState>, job: Weak<Job>, unwanted: CancellationToken) {
    tokio::select! {
        () = sleep(state.jobs.limits.age) => {
            job.upgrade().inspect(|job| state.jobs.remove(job));
        }
        () = unwanted.cancelled() => {}
    }
}
