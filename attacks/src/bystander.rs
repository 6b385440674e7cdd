//! A bystander: asks ordinary questions and makes ordinary commits while others attack, and remembers how that went.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kube::Client;
use serde_json::json;

use crate::Budget;
use crate::stage::ask::{Answer, get, merge, post};
use crate::stage::{Stage, beat, config_map};

/// What is asked again and again.
const MAPS: &str = "/api/v1/namespaces/bystander/configmaps";
/// How many objects are written in turn.
const NOTES: u64 = 8;
/// Nobody asks without a pause.
const PAUSE: Duration = Duration::from_millis(15);
/// How often a request is made again whose connection ended.
const AGAIN: usize = 3;
/// How often it is looked whether a commit was applied.
const LOOK: Duration = Duration::from_millis(30);

/// How it went.
#[derive(Debug)]
pub struct Experience {
    /// How long each request took.
    pub requests: Vec<Duration>,
    /// How long each commit took until it was applied.
    pub commits: Vec<Duration>,
    /// What went wrong.
    pub complaints: Vec<String>,
}

/// What was written to a note.
#[derive(Clone, Copy, Debug, Default)]
struct Note {
    /// The last number that was acknowledged.
    acknowledged: u64,
    /// The last number that was sent.
    sent: u64,
}

/// Asks and commits until it is told to stop; each at least once.
pub async fn live(stage: &Stage, budget: Budget, stopped: &AtomicBool) -> Experience {
    let (asked, committed) = tokio::join!(ask(stage, budget.request, stopped), commit(stage, budget.commit, stopped));
    let ((requests, mut complaints), (commits, more)) = (asked, committed);
    complaints.extend(more);
    Experience { requests, commits, complaints }
}

/// Times and complaints.
type Went = (Vec<Duration>, Vec<String>);

async fn ask(stage: &Stage, most: Duration, stopped: &AtomicBool) -> Went {
    let (mut times, mut complaints) = Went::default();
    let mut notes: BTreeMap<u64, Note> = BTreeMap::new();
    let (mut client, mut known) = (None, usize::MAX);
    for number in 0.. {
        if stopped.load(Ordering::Relaxed) && number > NOTES {
            break;
        }
        let (outages, began) = (stage.outages(), Instant::now());
        // One in five comes over a connection of its own, and so does the first to another start of the program.
        if number % 5 == 0 || outages != known {
            (client, known) = (stage.people().bystander.client().ok(), outages);
        }
        let Some(client) = &client else { continue };
        let asked = tokio::time::timeout(most, question_again(client, number, &mut notes)).await;
        let took = began.elapsed();
        let complaint = match asked {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("{error:#}")),
            Err(_) => Some(format!("a request was not answered in {most:?}")),
        };
        if stage.outages() == outages && !stage.is_out() {
            times.push(took);
            complaints.extend(complaint);
        }
        tokio::time::sleep(PAUSE).await;
    }
    complaints.extend(check(stage, &notes).await.err().map(|error| format!("{error:#}")));
    (times, complaints)
}

/// Asks again where a connection ends before the answer, as clients do: whoever is at the address of an attacker, and has
/// not asked yet, may lose its place to the next.
async fn question_again(client: &Client, number: u64, notes: &mut BTreeMap<u64, Note>) -> Result<()> {
    let mut asked = question(client, number, notes).await;
    for _ in 0..AGAIN {
        let is_cut = asked.as_ref().is_err_and(|error| error.downcast_ref::<kube::Error>().is_some());
        if !is_cut {
            break;
        }
        asked = question(client, number, notes).await;
    }
    asked
}

/// One request of several kinds.
async fn question(client: &Client, number: u64, notes: &mut BTreeMap<u64, Note>) -> Result<()> {
    let note = number % NOTES;
    let path = format!("{MAPS}/note-{note}");
    match number % 5 {
        0 => ok(get(client, "/readyz").await?),
        1 => ok(get(client, MAPS).await?),
        2 if notes.get(&note).is_some_and(|note| note.acknowledged > 0) => ok(get(client, &path).await?),
        _ => {
            let known = notes.entry(note).or_default();
            let is_new = known.sent == 0;
            known.sent = number;
            let answer = if is_new {
                let answer = post(client, MAPS, &config_map(&format!("note-{note}"), &number.to_string())).await?;
                ensure!(answer.code == 201 || answer.code == 409, "{}: {}", answer.code, answer.document);
                answer
            } else {
                merge(client, &path, &json!({"data": {"text": number.to_string()}})).await?
            };
            if answer.code == 404 && known.acknowledged == 0 {
                // Nobody promised that it was there.
                *known = Note::default();
            } else if answer.code != 409 {
                ok(answer)?;
                known.acknowledged = number;
            }
            Ok(())
        }
    }
}

fn ok(answer: Answer) -> Result<()> {
    ensure!(answer.code < 300, "a request was answered with {}: {:.300}", answer.code, answer.document.to_string());
    Ok(())
}

/// What was acknowledged is there, or what was sent after it.
async fn check(stage: &Stage, notes: &BTreeMap<u64, Note>) -> Result<()> {
    let client = stage.people().bystander.client()?;
    for (note, Note { acknowledged, sent }) in notes {
        let answer = get(&client, &format!("{MAPS}/note-{note}")).await.context("after the attack")?;
        let found: u64 =
            answer.document["data"]["text"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
        let kept = if *acknowledged == 0 { found <= *sent } else { (*acknowledged..=*sent).contains(&found) };
        ensure!(kept, "note-{note} was acknowledged as {acknowledged}, and is {found} ({})", answer.code);
    }
    Ok(())
}

async fn commit(stage: &Stage, most: Duration, stopped: &AtomicBool) -> Went {
    let (mut times, mut complaints) = Went::default();
    for number in 1.. {
        if stopped.load(Ordering::Relaxed) && !times.is_empty() {
            break;
        }
        if let Err(error) = stage.commit("cluster/beat.yaml", &beat(number), "beat", |_| {}) {
            complaints.push(format!("cannot commit: {error:#}"));
            break;
        }
        let began = Instant::now();
        while !applied(stage, number).await {
            // An outage is nobody's waiting time.
            if began.elapsed() > most && !stage.is_out() {
                complaints.push(format!("a commit was not applied in {most:?}"));
                times.push(began.elapsed());
                return (times, complaints);
            }
            tokio::time::sleep(LOOK).await;
        }
        times.push(began.elapsed());
        tokio::time::sleep(PAUSE * 10).await;
    }
    (times, complaints)
}

async fn applied(stage: &Stage, number: u64) -> bool {
    let asked = async {
        let answer = get(&stage.people().bystander.client()?, &format!("{MAPS}/beat")).await?;
        anyhow::Ok(answer.document["data"]["beat"] == json!(number.to_string()))
    };
    asked.await.unwrap_or(false)
}
