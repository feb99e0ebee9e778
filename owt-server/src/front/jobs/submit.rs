//! A call that becomes a job, and how that is carried out.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use owt_core::{Call, Code, Control, Error, Executor, Failure};
use tokio::time::sleep;

use super::job::Job;
use super::stored::Stored;
use super::wish::Wish;
use crate::front::call::Attached;
use crate::front::context::RequestContext;
use crate::front::{AppState, Front, access_log};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

impl<E: Executor + Control + 'static> Front<E> {
    /// Runs a call, or answers where its reply will be, if its client wishes that.
    pub(in crate::front) async fn run_as_wished(
        &self,
        wish: Option<Wish>,
        (call, attached): (Call, Attached),
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
        call: (Call, Attached),
        (method, headers): (&Method, &HeaderMap),
        context: &mut RequestContext,
    ) -> Result<HttpResponse, Failure> {
        // At once, so that its client can send the source.
        self.has_source(&call.0.code)?;
        let job = self.state.jobs.add(Job::new(&call.0))?;
        let (method, for_run) = (method.clone(), headers.clone());
        let carry_out =
            self.clone().carry_out(job.clone(), call, (method, for_run), context.clone());
        actix_web::rt::spawn(carry_out);
        let mut response = match job.wait(wish.wait).await {
            true => {
                self.state.jobs.remove(&job);
                self.outcome(&job, headers, context)
            }
            false => Self::accepted(&job.info()),
        };
        let applied = HeaderValue::from_static("respond-async");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
        Ok(response)
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
        call: (Call, Attached),
        (method, headers): (Method, HeaderMap),
        mut context: RequestContext,
    ) {
        let jobs = &self.state.jobs;
        let run = async {
            let response = self.run(call, (&method, &headers), &mut context).await?;
            Ok(Stored::collect(response, |bytes| jobs.make_room(&job, bytes)).await?)
        };
        let outcome: Result<Stored, Failure> = tokio::select! {
            outcome = run => outcome,
            () = job.until_unwanted() => Err(Error::Cancelled.into()),
        };
        if let Err(failure) = &outcome {
            jobs.release(&job);
            access_log::failure(&context.id, failure, context.digest);
            self.state.counters.count_error(&failure.error);
        }
        job.end(context.digest, outcome);
        // A task of its own, which does not take the room of all that has run.
        actix_web::rt::spawn(expire(self.state.clone(), job));
    }
}

/// Drops a job that has ended once its time is over.
async fn expire(state: Arc<AppState>, job: Arc<Job>) {
    tokio::select! {
        () = sleep(state.jobs.limits.age) => state.jobs.remove(&job),
        () = job.until_unwanted() => {}
    }
}
