//! What is counted while mail leaves, for Prometheus. No address, subject or name stands in a label.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::db::Conn;
use crate::domain::error::Result;
use crate::domain::outbox;

/// Says what each number is.
pub fn describe() {
    describe_counter!("countersign_sent_total", "Messages that the mail server took.");
    describe_counter!("countersign_failures_total", "Attempts that failed, by stage of the dialogue and by kind.");
    describe_counter!("countersign_uncertain_total", "Messages that were handed over without an answer.");
    describe_counter!("countersign_lost_leases_total", "Claims whose worker fell silent.");
    describe_histogram!("countersign_commit_group_size", "Steps written down in one transaction.");
    describe_histogram!("countersign_dot_seconds", metrics::Unit::Seconds, "From the final dot to the mail server's answer.");
    describe_gauge!("countersign_outbox", "Messages in the outbox that have not left, by state.");
    describe_gauge!("countersign_stopped", "1 while all sending is stopped.");
}

/// A message that the mail server took, after so long.
pub fn sent(answered_after: Duration) {
    counter!("countersign_sent_total").increment(1);
    histogram!("countersign_dot_seconds").record(answered_after.as_secs_f64());
}

/// An attempt that failed.
pub fn failed(stage: &'static str, kind: &'static str) {
    counter!("countersign_failures_total", "stage" => stage, "kind" => kind).increment(1);
    if kind == "unknown" {
        counter!("countersign_uncertain_total").increment(1);
    }
}

/// Claims whose worker fell silent.
pub fn lost_leases(count: usize) {
    counter!("countersign_lost_leases_total").increment(count as u64);
}

/// Steps that were written down in one transaction.
pub fn grouped(steps: usize) {
    histogram!("countersign_commit_group_size").record(steps as f64);
}

/// Reads what stands in the database: how much waits, and whether it may leave.
pub fn read(conn: &mut Conn) -> Result<()> {
    for (state, count) in outbox::open_by_state(conn)? {
        gauge!("countersign_outbox", "state" => state).set(count as f64);
    }
    gauge!("countersign_stopped").set(if outbox::is_stopped(conn)? { 1.0 } else { 0.0 });
    Ok(())
}
