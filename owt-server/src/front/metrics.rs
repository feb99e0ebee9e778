//! `GET /_owt/metrics`: what was counted, as OpenMetrics text, which Prometheus reads. No label
//! holds anything of a request: not its path, nor its code's digest.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::HttpResponse;
use owt_core::stats::{
    BOUNDS, CallStats, GpuStats, Histogram, MemberStats, Stats, WorkerEvents, WorkerStats,
};
use owt_core::{CallState, Control};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::AppState;
use super::jobs::JobCounts;
use crate::cache::CacheStats;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All that is shown, as it was when somebody asked.
#[derive(Debug)]
struct Exposition {
    requests: u64,
    errors: BTreeMap<&'static str, u64>,
    executor: Stats,
    cache: CacheStats,
    /// How many calls of each state there are.
    states: [(&'static str, usize); 6],
    jobs: JobCounts,
    connections: usize,
    accepted: u64,
}

pub(super) async fn answer(executor: &impl Control, state: &AppState) -> HttpResponse {
    let mut registry = Registry::with_prefix("owt");
    registry.register_collector(Box::new(gather(executor, state).await));
    let mut text = String::new();
    encode(&mut text, &registry).expect("writing to a string cannot fail");
    HttpResponse::Ok().content_type(OPENMETRICS).body(text)
}

async fn gather(executor: &impl Control, state: &AppState) -> Exposition {
    let calls = executor.calls().await;
    let in_state = |state| calls.iter().filter(|call| call.state == state).count();
    Exposition {
        requests: state.counters.answered(),
        errors: state.counters.errors(),
        executor: executor.stats().await,
        cache: state.cache.stats(),
        states: [
            ("installing", in_state(CallState::Installing)),
            ("queued", in_state(CallState::Queued)),
            ("running", in_state(CallState::Running)),
            ("streaming", in_state(CallState::Streaming)),
            ("unknown", in_state(CallState::Unknown)),
            ("abandoned", in_state(CallState::Abandoned)),
        ],
        jobs: state.jobs.counts(),
        connections: state.connections.count(),
        accepted: state.connections.accepted(),
    }
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.encode_calls(&mut page)?;
        self.encode_cache(&mut page)?;
        self.encode_jobs(&mut page)?;
        self.encode_connections(&mut page)?;
        self.encode_workers(&mut page)?;
        self.encode_ends(&mut page)?;
        self.encode_members(&mut page)?;
        self.encode_gpus(&mut page)
    }
}

impl Exposition {
    fn encode_calls(&self, page: &mut Page<'_>) -> fmt::Result {
        let CallStats { started, cancelled, abandoned, queue, load, run, reply_bytes } =
            &self.executor.calls;
        page.counter("requests", "Requests that were answered", None, &self.requests)?;
        let errors = self.errors.iter().map(|(code, count)| (*code, *count));
        page.counters("errors", "Answers of owt's own, by Owt-Error", "code", errors)?;
        page.counter("calls", "Calls that were sent to a worker", None, started)?;
        let cancelled = cancelled.iter().map(|(reason, count)| (*reason, *count));
        let help = "Calls that were ended before their time";
        page.counters("calls_ended", help, "reason", cancelled)?;
        let help = "Calls that did not end when they were cancelled, and were left alone";
        page.counter("calls_abandoned", help, None, abandoned)?;
        page.gauges("current_calls", "Calls that wait or run", None, "state", &self.states)?;
        page.histogram("call_queue", "Time that calls waited for a worker", queue)?;
        page.histogram("call_load", "Time that calls spent loading their adaptor", load)?;
        page.histogram("call_run", "Time that handlers ran until their reply began", run)?;
        let bytes = Some(&Unit::Bytes);
        page.counter("reply", "Bytes of replies that came from workers", bytes, reply_bytes)
    }

    fn encode_cache(&self, page: &mut Page<'_>) -> fmt::Result {
        let CacheStats { hits, misses, bytes } = &self.cache;
        page.counter("cache_hits", "Calls with use_cache that found a result", None, hits)?;
        page.counter("cache_misses", "Calls with use_cache that had to run", None, misses)?;
        page.gauge("cache", "Bytes of results that are kept", Some(&Unit::Bytes), bytes)
    }

    fn encode_jobs(&self, page: &mut Page<'_>) -> fmt::Result {
        let JobCounts { running, kept, bytes } = self.jobs;
        let states = [("running", running), ("kept", kept)];
        page.gauges("jobs", "Jobs that run, or whose replies are kept", None, "state", &states)?;
        page.gauge("job_replies", "Bytes of replies of jobs", Some(&Unit::Bytes), &bytes)
    }

    fn encode_connections(&self, page: &mut Page<'_>) -> fmt::Result {
        page.gauge("connections", "Connections that are open", None, &self.connections)?;
        let accepted = &self.accepted;
        page.counter("connections_accepted", "Connections since the start", None, accepted)
    }

    fn encode_workers(&self, page: &mut Page<'_>) -> fmt::Result {
        let workers: &[WorkerStats] = &self.executor.workers;
        let (mut there, mut up) = (BTreeMap::<&str, usize>::new(), BTreeMap::new());
        for worker in workers {
            *there.entry(&worker.pool).or_default() += 1;
            *up.entry(&*worker.pool).or_default() += usize::from(worker.is_up);
        }
        let help = "Worker processes that there should be, by their pool";
        page.families("workers", help, None, there.into_iter().map(of_pool))?;
        let help = "Worker processes that take calls, by their pool";
        page.families("workers_up", help, None, up.into_iter().map(of_pool))?;
        let calls = workers.iter().map(|worker| (labels(worker), worker.calls));
        page.families("worker_calls", "Calls at each worker", None, calls)?;
        let resident = workers.iter().filter_map(|it| Some((labels(it), it.resident?)));
        let (help, unit) = ("Resident memory of each worker", Some(&Unit::Bytes));
        page.families("worker_memory", help, unit, resident)?;
        let age = workers.iter().filter_map(|it| Some((labels(it), it.age?.as_secs_f64())));
        let (help, unit) = ("Time since each worker was ready", Some(&Unit::Seconds));
        page.families("worker_age", help, unit, age)
    }

    fn encode_members(&self, page: &mut Page<'_>) -> fmt::Result {
        let members: &[MemberStats] = &self.executor.members;
        if members.is_empty() {
            return Ok(());
        }
        let labels = |member: &MemberStats| {
            [("pool", member.pool.to_string()), ("member", member.name.to_string())]
        };
        let up = members.iter().map(|it| (labels(it), u64::from(it.is_up)));
        page.families("member_up", "Whether each member takes calls", None, up)?;
        let calls = members.iter().map(|it| (labels(it), it.calls));
        page.families("member_calls", "Calls at each member", None, calls)?;
        let lost = members.iter().map(|it| (labels(it), it.lost));
        page.counter_families("member_calls_lost", "Calls that were lost with a member", lost)?;
        let passed_on = members.iter().map(|it| (labels(it), it.passed_on));
        let help = "Calls that a member did not take, so that they went to another one";
        page.counter_families("member_calls_passed_on", help, passed_on)
    }

    /// There are none where the driver's library is not.
    fn encode_gpus(&self, page: &mut Page<'_>) -> fmt::Result {
        let gpus: &[GpuStats] = &self.executor.gpus;
        if gpus.is_empty() {
            return Ok(());
        }
        let index = |gpu: &GpuStats| [("gpu", gpu.index.to_string())];
        let (help, unit) = ("Memory of each GPU that anybody uses", Some(&Unit::Bytes));
        page.families(
            "gpu_memory_used",
            help,
            unit,
            gpus.iter().map(|gpu| (index(gpu), gpu.used)),
        )?;
        let help = "Memory of each GPU";
        page.families("gpu_memory", help, unit, gpus.iter().map(|gpu| (index(gpu), gpu.total)))
    }

    /// What has become of workers since the start.
    fn encode_ends(&self, page: &mut Page<'_>) -> fmt::Result {
        let WorkerEvents {
            started,
            failed_starts,
            respawned,
            died,
            out_of_memory,
            killed,
            recycled,
        } = &self.executor.events;
        let ends = [
            ("workers_started", "Workers that became ready", started),
            ("workers_failed_starts", "Starts that came to nothing", failed_starts),
            ("workers_respawned", "Workers in the place of one that died", respawned),
            ("workers_died", "Workers that ended though nobody wanted it", died),
            ("workers_out_of_memory", "Of those: ended for want of memory", out_of_memory),
            ("workers_killed", "Workers that owt killed", killed),
        ];
        for (name, help, count) in ends {
            page.counter(name, help, None, count)?;
        }
        let help = "Workers that were replaced though they worked";
        page.counters(
            "workers_recycled",
            help,
            "reason",
            recycled.iter().map(|(reason, count)| (*reason, *count)),
        )
    }
}

fn of_pool((pool, count): (&str, usize)) -> ([(&'static str, String); 1], usize) {
    ([("pool", pool.to_owned())], count)
}

/// What tells one worker from another.
fn labels(worker: &WorkerStats) -> [(&'static str, String); 2] {
    [("pool", worker.pool.to_string()), ("worker", worker.name.clone())]
}

/// Writes one metric after the other.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn counter(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: &impl EncodeCounterValue,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, _, u64>(value, None)
    }

    fn counters<'b>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'b str, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (key, value) in values {
            let labels = [(label, key)];
            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn counter_families<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl Iterator<Item = ([(&'static str, String); N], u64)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: &impl EncodeGaugeValue,
    ) -> fmt::Result {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(value)
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        label: &str,
        values: &[(impl AsRef<str>, impl EncodeGaugeValue)],
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (key, value) in values {
            encoder.encode_family(&[(label, key.as_ref())])?.encode_gauge(value)?;
        }
        Ok(())
    }

    fn families<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl Iterator<Item = ([(&'static str, String); N], impl EncodeGaugeValue)>,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, values: &Histogram) -> fmt::Result {
        let unit = Some(&Unit::Seconds);
        let mut encoder = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(values.buckets).collect();
        let sum = values.sum.as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, values.count(), &buckets, None)
    }
}
