//! The numbers for monitoring, of the binary as it runs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use countersign::catcher::{Action, Behaviour, Rule, Verb};
use countersign::domain::messages::{DecisionKind, State};
use serde_json::json;

use crate::support::Desk;

fn get(addr: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(format!("GET /metrics HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[actix_web::test]
async fn the_numbers_of_a_run_name_no_address() {
    let busy = Rule::at(Verb::Rcpt, Action::Reply("550 5.1.1 <nobody@example.com> is unknown".into())).for_address("nobody@example.com");
    let silent = Rule::at(Verb::Dot, Action::KeepAndClose).for_address("maybe@example.com");
    let desk = Desk::with(Behaviour::new().with(busy).with(silent)).await;
    let mut all = vec![];
    for to in ["fine@example.com", "nobody@example.com", "maybe@example.com"] {
        let message = desk.pending(to, json!({"subject": "A secret subject"})).await;
        desk.decide("Rita", &message, DecisionKind::Approve).unwrap();
        all.push(message);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["worker"])
        .current_dir(folder.path())
        .env("COUNTERSIGN_DATABASE__URL", desk.state.db.url())
        .env("COUNTERSIGN_DATA__DIRECTORY", folder.path())
        .env("COUNTERSIGN_SMTP__URL", format!("smtp://{}", desk.catcher.addr()))
        .env("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.find(|line| line.contains("/metrics")).unwrap();
    let addr = line.rsplit("http://").next().unwrap().trim_end_matches("/metrics").to_owned();
    let done =
        |desk: &Desk| all.iter().all(|one| matches!(desk.message(one.row.id.as_str()).row.state, State::Sent | State::Failed | State::Uncertain));
    while !done(&desk) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let said = tokio::task::spawn_blocking(move || get(&addr)).await.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    for number in [
        "countersign_sent_total 1",
        "countersign_failures_total{stage=\"rcpt\",kind=\"permanent\"} 1",
        "countersign_failures_total{stage=\"dot\",kind=\"unknown\"} 1",
        "countersign_uncertain_total 1",
        "countersign_outbox{state=\"uncertain\"} 1",
        "countersign_outbox{state=\"queued\"} 0",
        "countersign_stopped 0",
        "countersign_dot_seconds_count 1",
    ] {
        assert!(said.contains(number), "{number} is not in\n{said}");
    }
    assert!(!said.contains('@') && !said.contains("secret"), "{said}");
    // The dashboard draws numbers that are there; one is counted only where a worker fell silent.
    let board: serde_json::Value = serde_json::from_str(include_str!("../../deploy/grafana.json")).unwrap();
    let asked: Vec<&str> = board["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    let name = regex::Regex::new("countersign_[a-z_]+").unwrap();
    let mut drawn = 0;
    for found in asked.iter().flat_map(|expr| name.find_iter(expr)) {
        drawn += 1;
        let found = found.as_str();
        assert!(said.contains(found) || found == "countersign_lost_leases_total", "{found} is in the dashboard and not exported\n{said}");
    }
    assert!(drawn >= 10);
    let meters = include_str!("../../src/worker/meters.rs");
    assert!(meters.contains("counter!(\"countersign_lost_leases_total\")"));
}
