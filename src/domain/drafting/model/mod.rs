//! The model drafter: asks a model for the nine, holds each letter against the record, asks
//! once more about those that fail, and leaves the rest to the playbook.

mod letters;
mod prompt;

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::reason::Strategy;
use crate::llm::{self, Endpoint, ModelError, Prompt};
use crate::text_enum;

use super::{Brief, Draft, Drafted, Drafter, FactSheet, Playbook, Written, WrittenBy, draft_all};
use letters::{Answered, Judge, Letter, Problem};

/// Names the wording of the prompt and the checks; it changes whenever one of them does.
pub const PROMPT_VERSION: &str = "win-back/1";

text_enum!(
    /// What came of asking a model.
    pub enum Outcome {
        /// It wrote all nine.
        Model => "model",
        /// It wrote some, the playbook the rest.
        Mixed => "mixed",
        /// The playbook wrote all nine.
        Playbook => "playbook",
    }
);

impl Outcome {
    /// In a sentence for a page.
    pub fn sentence(self) -> &'static str {
        match self {
            Outcome::Model => "All nine are the model's.",
            Outcome::Mixed => "Some are the model's, the others the playbook's.",
            Outcome::Playbook => "All nine are the playbook's.",
        }
    }
}

/// One question, as it was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What the model is to do.
    pub system: String,
    /// What it is to do it with.
    pub user: String,
    /// The JSON schema of the answer.
    pub schema: serde_json::Value,
}

/// One answer, as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The answer's text, where there was one.
    pub text: Option<String>,
    /// Why it cannot be used at all.
    pub failure: Option<String>,
    /// What is wrong with its letters, by strategy.
    pub problems: Vec<(Strategy, Vec<String>)>,
}

/// All that is needed to replay and explain what a model wrote.
#[derive(Debug, Clone)]
pub struct Run {
    /// The protocol.
    pub api: llm::Api,
    /// The model as configured.
    pub model: String,
    /// The model that says it answered.
    pub answered_by: Option<String>,
    /// The wording of the prompt.
    pub prompt_version: &'static str,
    /// The facts it was given.
    pub sheet: FactSheet,
    /// What it was asked, in order.
    pub asked: Vec<Asked>,
    /// What it said, in order.
    pub heard: Vec<Heard>,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub milliseconds: i64,
}

/// Asks a model, and the playbook where it fails.
#[derive(Debug, Clone)]
pub struct ModelDrafter {
    endpoint: Endpoint,
}

impl ModelDrafter {
    /// A drafter that asks the model there.
    pub fn new(endpoint: Endpoint) -> Self {
        ModelDrafter { endpoint }
    }

    async fn write(&self, brief: &Brief) -> Drafted {
        let begun = Instant::now();
        let judge = Judge::new(brief);
        let mut talk = Talk::default();
        let mut question = prompt::first(&judge.sheet, &judge.known);
        // One answer and one more chance. A second one for what a second cannot mend would only cost time.
        while talk.heard.len() < 2 && !talk.is_done() {
            let may_ask_again = self.ask(&question, &judge, &mut talk).await;
            if !may_ask_again {
                break;
            }
            question = prompt::again(&judge.sheet, &judge.known, &talk.wrong(), talk.failure.as_deref());
        }
        let letters: Vec<Written> = draft_all(&brief.sheet).into_iter().map(|draft| talk.written(draft)).collect();
        let by_model = letters.iter().filter(|letter| letter.by == WrittenBy::Model).count();
        let outcome = match by_model {
            0 => Outcome::Playbook,
            some if some == letters.len() => Outcome::Model,
            _ => Outcome::Mixed,
        };
        let run = Run {
            api: self.endpoint.api,
            model: self.endpoint.model.clone(),
            answered_by: talk.answered_by,
            prompt_version: PROMPT_VERSION,
            sheet: brief.sheet.clone(),
            asked: talk.asked,
            heard: talk.heard,
            outcome,
            milliseconds: begun.elapsed().as_millis().try_into().unwrap_or(i64::MAX),
        };
        Drafted { letters, run: Some(run) }
    }

    /// Asks once and notes what came; whether asking again may help.
    async fn ask(&self, question: &Prompt, judge: &Judge<'_>, talk: &mut Talk) -> bool {
        talk.asked.push(Asked { system: question.system.clone(), user: question.user.clone(), schema: question.schema.clone() });
        let mut heard = Heard { text: None, failure: None, problems: vec![] };
        let may_ask_again = match llm::complete(&self.endpoint, question).await {
            Ok(answer) => {
                let read = llm::json_of::<Answered>(&answer.text);
                heard.text = Some(answer.text);
                talk.answered_by = Some(answer.model);
                match read {
                    Ok(answered) => heard.problems = talk.take(answered, judge),
                    Err(why) => heard.failure = Some(why),
                }
                true
            }
            Err(error) => {
                tracing::warn!(model = %self.endpoint.model, %error, "the model gave no drafts");
                heard.failure = Some(error.to_string());
                match error {
                    ModelError::Empty | ModelError::TooLong | ModelError::Unreachable(_) => true,
                    ModelError::Status { code, .. } => code >= 500,
                    // A refusal stays one, and who waited a whole time-out should not wait another.
                    ModelError::Timeout(_) | ModelError::Refused(_) => false,
                }
            }
        };
        talk.failure.clone_from(&heard.failure);
        talk.heard.push(heard);
        may_ask_again
    }
}

impl Drafter for ModelDrafter {
    fn needs_ground(&self) -> bool {
        true
    }

    fn draft<'a>(&'a self, brief: &'a Brief) -> BoxFuture<'a, Drafted> {
        Box::pin(async move {
            match &brief.ground {
                Some(_) => self.write(brief).await,
                // Without the record nothing a model writes can be checked.
                None => Playbook::write(&brief.sheet),
            }
        })
    }
}

/// What was asked and said so far.
#[derive(Default)]
struct Talk {
    asked: Vec<Asked>,
    heard: Vec<Heard>,
    answered_by: Option<String>,
    /// Why the last answer could not be used at all.
    failure: Option<String>,
    good: BTreeMap<Strategy, Draft>,
    bad: BTreeMap<Strategy, (Option<Letter>, Vec<Problem>)>,
}

impl Talk {
    fn is_done(&self) -> bool {
        self.good.len() == Strategy::ALL.len()
    }

    /// The letters still to be written, with what was wrong with the last try.
    fn wrong(&self) -> Vec<(Strategy, Option<&Letter>, &[Problem])> {
        let open = Strategy::ALL.iter().filter(|strategy| !self.good.contains_key(strategy));
        open.map(|strategy| match self.bad.get(strategy) {
            Some((letter, problems)) => (*strategy, letter.as_ref(), problems.as_slice()),
            None => (*strategy, None, [].as_slice()),
        })
        .collect()
    }

    /// Takes the letters of an answer that were still open; returns what is wrong, in words.
    fn take(&mut self, answered: Answered, judge: &Judge<'_>) -> Vec<(Strategy, Vec<String>)> {
        let mut said = vec![];
        let mut letters = answered.letters;
        for strategy in Strategy::ALL.iter().filter(|strategy| !self.good.contains_key(strategy)).copied().collect::<Vec<_>>() {
            let found = letters.iter().position(|letter| letter.strategy == strategy.as_str()).map(|at| letters.swap_remove(at));
            let judged = match &found {
                Some(letter) => judge.judge(strategy, letter),
                None => Err(vec![Problem::Missing]),
            };
            match judged {
                Ok(draft) => {
                    self.bad.remove(&strategy);
                    self.good.insert(strategy, draft);
                }
                Err(problems) => {
                    said.push((strategy, problems.iter().map(Problem::for_the_model).collect()));
                    // A letter that is missing from the second answer keeps the reason why it was asked for again.
                    if found.is_some() || !self.bad.contains_key(&strategy) {
                        self.bad.insert(strategy, (found, problems));
                    }
                }
            }
        }
        said
    }

    /// The model's letter where it stands, the playbook's otherwise.
    fn written(&mut self, playbook: Draft) -> Written {
        if let Some(draft) = self.good.remove(&playbook.strategy) {
            return Written { draft, by: WrittenBy::Model, note: None };
        }
        let failure = self.failure.as_deref().map(letters::inside_a_sentence);
        let note = match (self.bad.get(&playbook.strategy), failure) {
            (Some((_, problems)), None) => letters::note(problems),
            (Some((_, problems)), Some(failure)) => format!("{}; when it was asked again, {failure}", letters::note(problems)),
            (None, Some(failure)) => failure,
            (None, None) => letters::note(&[Problem::Missing]),
        };
        Written { draft: playbook, by: WrittenBy::Playbook, note: Some(note) }
    }
}
