//! How long it takes from a click's POST until every back end's replica denies.

use anyhow::{Context, Result, ensure};
use consentry_client::{Consentry, QuestionDoc, Replica};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

use crate::load::Connection;
use crate::{Bench, ORIGIN, request, uuid};

/// How many replicas follow.
const REPLICAS: usize = 100;
/// How many withdraw, one after the other.
const WITHDRAWALS: usize = 200;

/// The wait of each replica for each withdrawal, in the order of length.
pub async fn withdrawals(bench: &Bench, port: u16, key: &str) -> Result<Vec<Duration>> {
    let url = format!("http://127.0.0.1:{port}");
    let mut replicas = Vec::with_capacity(REPLICAS);
    for _ in 0..REPLICAS {
        replicas.push(Consentry::replica(&url, "adforge", key).await?);
    }
    let mut connection = Connection::to(port).await?;
    let mut waits = Vec::with_capacity(REPLICAS * WITHDRAWALS);
    for _ in 0..WITHDRAWALS {
        let device = uuid(4);
        let question = QuestionDoc::new(format!("device:{device}").parse()?, "marketing".parse()?);
        let granted = post(&mut connection, &choice(bench, &device, "all-granted")).await?;
        for replica in &replicas {
            replica.heard(granted).await;
            ensure!(replica.decide_here(&question)?.allows(), "a grant is heard and denies");
        }
        let refusal = choice(bench, &device, "all-refused");
        let begun = Instant::now();
        let mut denied = tokio::task::JoinSet::new();
        for replica in &replicas {
            denied.spawn(denies(replica.clone(), granted + 1, question.clone(), begun));
        }
        post(&mut connection, &refusal).await?;
        for wait in denied.join_all().await {
            waits.push(wait?);
        }
    }
    waits.sort_unstable();
    Ok(waits)
}

async fn denies(replica: Replica, entry: u64, question: QuestionDoc, begun: Instant) -> Result<Duration> {
    replica.heard(entry).await;
    ensure!(!replica.decide_here(&question)?.allows(), "a withdrawal is heard and allows");
    Ok(begun.elapsed())
}

fn choice(bench: &Bench, device: &str, outcome: &str) -> Vec<u8> {
    let (_, mut choice) = bench.choice();
    choice["outcome"] = json!(outcome);
    let head = format!("Origin: {ORIGIN}\r\nAuthorization: Bearer {device}.{}\r\n", "A".repeat(43));
    request("/v1/sites/adforge/choices", &head, "application/json", choice.to_string().as_bytes())
}

/// The number of the entry that was kept.
async fn post(connection: &mut Connection, choice: &[u8]) -> Result<u64> {
    let status = connection.ask(choice).await?;
    ensure!(status == 201, "answered {status}");
    let answer: Value = serde_json::from_slice(&connection.body)?;
    answer["seq"].as_u64().context("no `seq`")
}
