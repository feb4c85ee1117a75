//! The letters from one person to another: a customer's story, the founder, a question.

use super::{Draft, Reason, Said, Strategy, Writer, fill, say, upper_first};
use crate::domain::drafting::facts::StoryFact;
use crate::domain::drafting::words::{quoted, sentence};

/// A longer testimonial would drown the letter.
const LONGEST_STORY: usize = 40;

impl Writer {
    /// The story that answers the reason, of the same plan if there is a choice.
    fn story(&self) -> Option<&StoryFact> {
        let fits = |story: &&StoryFact| story.quote.split(' ').count() <= LONGEST_STORY;
        let plan = self.sheet.customer.plan.as_deref().map(str::to_lowercase);
        let rank = |story: &&StoryFact| {
            let same_plan = plan.is_some() && story.plan.as_deref().map(str::to_lowercase) == plan;
            (story.reason != Some(self.sheet.reason), !same_plan)
        };
        self.sheet.stories.iter().filter(fits).min_by_key(rank)
    }

    pub(super) fn social_proof(&self) -> Draft {
        let Some(story) = self.story() else {
            return self.no_story();
        };
        let label = format!("{}: {} {}", story.who, story.quote, story.outcome.as_deref().unwrap_or_default());
        let on = |said: Said, span: &str| said.on("story", Some(&story.id), label.clone(), span);
        let subject = fill(
            self.pick(70, &["What {who} says about {us}", "{us}, in the words of {who}"]),
            &[("who", &story.who), ("us", self.product("working with us"))],
        );
        let mut letter = self.letter(on(Said::new(upper_first(&subject)), &story.who));
        let lead = if self.because(Reason::SwitchingCompetitor) {
            self.reason_said(
                "You moved to another product. You'll have had your reasons, and we are not going to argue with them.",
                "moved to another product",
            )
        } else {
            None
        };
        let turn = say(self.pick(
            71,
            &[
                "You have heard what we say about ourselves. Here is what a customer says.",
                "A vendor praising its own product proves little, so we'd rather pass on what a customer said.",
            ],
        ));
        letter.paragraph([self.history_or("You know the product from your own work."), lead, turn]);
        let said = Said::new(format!("{} put it like this: {}", upper_first(&story.who), quoted(story.quote.trim_matches(['"', '“', '”']))));
        let outcome = story.outcome.as_deref().map(|outcome| {
            let words = sentence(outcome);
            on(Said::new(words.clone()), &words)
        });
        letter.paragraph([Some(on(said, story.quote.trim_matches(['"', '“', '”']))), outcome]);
        letter.paragraph([
            say(self.pick(72, &[
                "Their work won't be the same as yours, so take it for what it is: one customer's experience.",
                "It is one experience and yours was another. If there is something in theirs that you never got to, that may be worth a second look.",
            ])),
            self.also_shipped("Since you left we have shipped", 0),
        ]);
        self.act(
            &mut letter,
            Said::new("Take another look"),
            Said::new("If you would like to hear more about how they work, just reply to this email."),
        );
        self.sign(&mut letter, false);
        letter.finish(Strategy::SocialProof)
    }

    /// Without a story: no praise from nobody.
    fn no_story(&self) -> Draft {
        let mut letter = self.letter(self.named("What would you tell a colleague, {name}?", "What would you tell a colleague?"));
        let moved = if self.because(Reason::SwitchingCompetitor) {
            self.reason_said("You moved to another product, so you can compare.", "moved to another product")
        } else {
            None
        };
        letter.paragraph([
            self.history(),
            moved,
            say("We could fill this email with praise from other customers, and you would be right to skip it. We'd rather hear what you would say."),
        ]);
        letter.paragraph([say(format!(
            "Suppose a colleague in a job like yours asked you whether to use {}. Where would you tell them it helps? Where does it get in the way? And what would you send them to instead?",
            self.product("our product")
        ))]);
        letter.paragraph([say("Just reply to this email the way you would answer them. Two or three sentences are plenty.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::SocialProof)
    }

    pub(super) fn founder_email(&self) -> Draft {
        let company = &self.sheet.company;
        let house = company.company.as_ref().or(company.product.as_ref());
        let speaker = company.founder_name.as_ref().or(company.sender_name.as_ref());
        let first = speaker.and_then(|speaker| speaker.split(' ').next()).unwrap_or_default();
        let on_speaker = |said: Said, span: &str| match speaker {
            Some(speaker) => said.on("company", None, format!("From {speaker}"), span),
            None => said,
        };
        let subject = match speaker {
            Some(_) => on_speaker(self.named(&format!("{{name}}, a note from {first}"), &format!("A note from {first}")), first),
            None => self.named("A personal note, {name}", "A personal note"),
        };
        let mut letter = self.letter(subject);
        let (i, am, me) = if speaker.is_some() { ("I", "I am", "me") } else { ("we", "we are", "us") };
        let intro = speaker.map(|speaker| {
            let title = match (&company.founder_name, &company.founder_title) {
                (Some(_), Some(title)) => format!(", {title}"),
                (Some(_), None) => ", founder".to_owned(),
                (None, _) => String::new(),
            };
            let at = match (house, title.is_empty()) {
                (Some(house), true) => format!(" from {house}"),
                (Some(house), false) => format!(" of {house}"),
                (None, _) => String::new(),
            };
            on_speaker(Said::new(format!("I'm {speaker}{title}{at}.")), speaker)
        });
        letter.paragraph([intro, self.history_or("You were a customer of ours, and then you decided to stop.")]);

        let words = self.their_words();
        let support = self.because(Reason::PoorSupport);
        let answer = match (support, words.is_some()) {
            (true, _) => format!("You deserved better help than you got, and {am} sorry."),
            (false, true) => format!("{} would like to hear the rest of it from you.", upper_first(i)),
            (false, false) => format!("{} would rather ask you why than guess.", upper_first(i)),
        };
        letter.paragraph([words, say(answer)]);
        let question = self.pick(80, &[
            "What should we have done differently? {I} won't argue with the answer, and this isn't the start of a sales pitch.",
            "If you could change one decision we made, which would it be? A straight answer from somebody who left is worth more than a page of survey results.",
            "Where did we let you down? Be as blunt as you like. It will be more use to {me} than a polite answer.",
        ]);
        letter.paragraph([say(fill(question, &[("I", &upper_first(i)), ("me", me)]))]);
        letter.paragraph([say(fill(
            "You don't have to be thinking about coming back. Just reply to this email, in a sentence or in ten; {i} would like to know either way.",
            &[("i", i)],
        ))]);
        self.sign(&mut letter, true);
        letter.finish(Strategy::FounderEmail)
    }

    pub(super) fn feedback_request(&self) -> Draft {
        let mut letter = self.letter(match self.pick(81, &["a", "b"]) {
            "a" => self.named("One question, {name}", "One question about why you left"),
            _ => self.named("What made you leave, {name}?", "What made you leave?"),
        });
        let cause = match self.sheet.reason {
            Reason::TooExpensive => Some("the price"),
            Reason::MissingFeatures => Some("something that was missing"),
            Reason::NotUsingEnough => Some("not using it enough"),
            Reason::SwitchingCompetitor => Some("another product"),
            Reason::TechnicalIssues => Some("technical trouble"),
            Reason::PoorSupport => Some("our support"),
            Reason::DontNeedAnymore => Some("not needing it any more"),
            Reason::Other => None,
        };
        let cause = match cause {
            Some(cause) => {
                self.reason_said(&format!("As far as we know, it came down to {cause}. That is a headline, and we'd like to read the story."), cause)
            }
            None => say("We don't know why you left, and a guess would most likely be wrong."),
        };
        letter.paragraph([self.time_gone(), self.history(), cause]);
        letter.paragraph([say(self.pick(
            82,
            &[
                "So, one question: what was the thing that made you decide?",
                "So, one question: what would have had to be different for you to stay?",
                "So, one question: in our place, what would you have changed first?",
            ],
        ))]);
        let thanks = self.sheet.company.feedback_incentive.as_ref().map(|thanks| {
            Said::new(format!("As a thank-you for your answer, we offer {}.", thanks.trim_end_matches('.'))).on(
                "company",
                None,
                format!("Incentive: {thanks}"),
                thanks.trim_end_matches('.'),
            )
        });
        letter.paragraph([say("Whatever the answer is, you know it better than any report of ours. There is no form to fill in and nothing to buy. Just reply to this email; a sentence is plenty, and blunt is fine."), thanks]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::FeedbackRequest)
    }
}
