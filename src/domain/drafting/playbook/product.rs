//! The letters about the product: what is new, what it did, what was wrong with it.

use super::{Draft, REPLY, Reason, Said, Strategy, Writer, day, figure, fill, say, upper_first};
use crate::domain::drafting::facts::UpdateFact;
use crate::domain::drafting::html::Letter;
use crate::domain::drafting::words::summary;

impl Writer {
    /// What shipped, when and what it does.
    fn announce(&self, update: &UpdateFact, slot: u64) -> [Option<Said>; 2] {
        let name = upper_first(self.update_name(update));
        let date = day(update.shipped_on, self.sheet.today);
        let words =
            self.pick(slot, &["{name} shipped on {date}.", "{name} is here: we shipped it on {date}.", "{name} has been part of {us} since {date}."]);
        let said = Said::new(fill(words, &[("name", &name), ("date", &date), ("us", self.product("the product"))]));
        let does = summary(&update.summary).map(|does| {
            let span = does.clone();
            self.on_update(Said::new(does), update, span)
        });
        let said = self.on_update(said, update, date);
        [Some(self.on_update(said, update, name)), does]
    }

    pub(super) fn unused_feature(&self) -> Draft {
        match (self.sheet.updates.first(), self.sheet.other_updates.first()) {
            (Some(update), _) => self.asked_for(update),
            (None, Some(update)) => self.not_tried(update),
            (None, None) => self.not_found(),
        }
    }

    /// They asked for it and it shipped.
    fn asked_for(&self, update: &UpdateFact) -> Draft {
        let name = self.update_name(update);
        let subject = self.named(&format!("We shipped {}, {{name}}", name.replace('{', "")), &format!("We shipped {name}"));
        let mut letter = self.letter(self.on_update(subject, update, name));
        let words = self.their_words();
        let gap = match (&words, update.matched.first()) {
            (None, Some(matched)) => {
                Some(Said::new(format!("You had mentioned “{matched}”.")).on("quote", None, format!("Their words: {matched}"), matched.clone()))
            }
            (None, None) if self.because(Reason::MissingFeatures) => {
                self.reason_said("When you left, something you needed was missing.", "something you needed was missing")
            }
            _ => None,
        };
        letter.paragraph([self.history_or("You used to be a customer, and there is one piece of news you may want to hear."), words, gap]);
        letter.paragraph(self.announce(update, 40));
        let known = self.features_used(|used| format!("What you used before: {used}. This is the part you haven't had a chance to try."));
        letter.paragraph([
            known.or_else(|| say("It came too late for you, and we'd rather tell you ourselves than leave you to find out by chance.")),
            say(self.pick(
                41,
                &[
                    "Have a look, take the job you had in mind for it, and see whether it does that job now.",
                    "The best test is the job you wanted it for in the first place, with your own data in it.",
                ],
            )),
        ]);
        self.more_news(&mut letter, 1);
        self.try_it(&mut letter, update);
        self.sign(&mut letter, false);
        letter.finish(Strategy::UnusedFeature)
    }

    /// Shipped since, though nobody asked.
    fn not_tried(&self, update: &UpdateFact) -> Draft {
        let name = self.update_name(update);
        let subject = Said::new(format!("Something you haven't tried: {name}"));
        let mut letter = self.letter(self.on_update(subject, update, name));
        let changed = if self.sheet.other_updates.len() > 1 { "A lot has changed since you left." } else { "Something has changed since you left." };
        let time = match self.days_gone() {
            Some(days) if days >= 30 => say(changed),
            Some(_) => self.time_gone(),
            None => None,
        };
        letter.paragraph([self.history_or("You have been a customer of ours, so this may be of use to you."), time]);
        letter.paragraph(self.announce(update, 40));
        let known = self.features_used(|used| format!("What you used before: {used}. This came later."));
        letter.paragraph([
            known,
            say("It may not be what you left over, and we won't pretend it is. But it wasn't there when you decided. Have a look and judge it by the work you do today; it may change how the whole thing fits."),
        ]);
        self.more_news(&mut letter, 1);
        self.try_it(&mut letter, update);
        self.sign(&mut letter, false);
        letter.finish(Strategy::UnusedFeature)
    }

    /// Nothing shipped: perhaps what they missed was there.
    fn not_found(&self) -> Draft {
        let subject = match &self.sheet.company.product {
            Some(product) => Said::new(format!("What were you hoping {product} would do?")),
            None => Said::new("What were you hoping it would do?"),
        };
        let mut letter = self.letter(subject);
        letter.paragraph([
            self.history(),
            self.their_words().filter(|_| self.because(Reason::MissingFeatures)),
            self.features_used(|used| format!("What you used, as far as we can see: {used}.")),
            say("It is easy to settle into the part of a tool you came for and leave the rest for later. We wonder whether that happened here."),
        ]);
        letter.paragraph([say(
            "Was there something you looked for and didn't find? It may have been there under a name you wouldn't have guessed. If it wasn't, we'd rather hear that from you than go on believing that nothing was missing.",
        )]);
        letter.paragraph([say("Just reply to this email with the one thing you were looking for.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::UnusedFeature)
    }

    /// Up to three more updates as a list.
    fn more_news(&self, letter: &mut Letter, skip: usize) {
        let items: Vec<Said> = self
            .sheet
            .updates
            .iter()
            .chain(&self.sheet.other_updates)
            .skip(skip)
            .take(3)
            .map(|update| self.on_update(Said::new(update.title.clone()), update, update.title.clone()))
            .collect();
        if !items.is_empty() {
            letter.paragraph([say("Also new since you left:")]);
            letter.list(items);
        }
    }

    fn try_it(&self, letter: &mut Letter, update: &UpdateFact) {
        let name = self.update_name(update);
        match (&self.sheet.company.restart_url, &update.url) {
            (None, Some(url)) => letter.link(self.on_update(Said::new(format!("Read about {name}")), update, name), url),
            _ => self.act(
                letter,
                self.on_update(Said::new(format!("Try {name}")), update, name),
                Said::new(format!("If you would like to try it, {REPLY}.")),
            ),
        }
    }

    pub(super) fn value_recap(&self) -> Draft {
        let figures: Vec<Said> = self
            .sheet
            .customer
            .usage
            .iter()
            .take(4)
            .map(|usage| {
                let words = figure(usage.value, &usage.label);
                Said::new(words.clone()).on("contact", None, format!("Usage: {words}"), words)
            })
            .collect();
        let us = self.product("us");
        let subject = match (figures.first(), self.tenure()) {
            (Some(first), _) => {
                let words = self.pick(50, &["{figure}: a look back", "What you got done: {figure}"]);
                first.clone().reworded(fill(words, &[("figure", &first.words)]))
            }
            (None, Some((stay, fact))) => Said::new(format!("A look back at {stay} with {us}")).on("contact", None, fact, stay),
            (None, None) => Said::new(format!("A look back at your time with {us}")),
        };
        let mut letter = self.letter(subject);
        let lead = if self.because(Reason::NotUsingEnough) {
            self.reason_said(
                "You felt you were not using it enough. That can be true, and what you did with it can still have counted.",
                "not using it enough",
            )
        } else {
            say("A subscription is easy to judge by its invoices. What it did for you is harder to see.")
        };
        letter.paragraph([self.history(), lead]);
        if figures.is_empty() {
            letter.paragraph([
                self.features_used(|used| format!("The features you used: {used}.")),
                say("Here is one way to see it. Think of the jobs you handed over while you had a subscription. Who does them now, and how long do they take?"),
            ]);
        } else {
            letter.paragraph([say("So here is what your account shows:")]);
            letter.list(figures);
            letter.paragraph([
                self.features_used(|used| format!("The features you used for it: {used}.")),
                say(self.pick(
                    51,
                    &[
                        "Somebody or something does that work now. If it is you, by hand, it may be worth another look.",
                        "Who does that work now, and how long does it take them? If you like the answer, you were right to leave.",
                    ],
                )),
            ]);
        }
        letter.paragraph([
            say(self.pick(
                52,
                &[
                    "If the jobs have gone away, so has the reason to come back. If they haven't, you know where to find us.",
                    "If it turns out that nothing is missing, you made the right call. If something is, you have your answer too.",
                ],
            )),
            self.data_kept(),
        ]);
        let button = match &self.sheet.company.product {
            Some(product) => format!("Pick up {product} again"),
            None => "Pick it up again".to_owned(),
        };
        self.act(&mut letter, Said::new(button), Said::new(format!("If you would like to pick it up again, {REPLY}.")));
        self.sign(&mut letter, false);
        letter.finish(Strategy::ValueRecap)
    }

    pub(super) fn pain_point_fix(&self) -> Draft {
        let Some(update) = self.sheet.updates.first() else {
            return self.what_went_wrong();
        };
        let name = self.update_name(update);
        let subject = fill(self.pick(60, &["What has changed since you left: {name}", "About what stood in your way: {name}"]), &[("name", name)]);
        let mut letter = self.letter(self.on_update(Said::new(subject), update, name));
        let words = self.their_words();
        let sorry = match self.sheet.reason {
            Reason::TechnicalIssues if words.is_some() => say("That should not have happened, and we are sorry it did."),
            Reason::TechnicalIssues => {
                self.reason_said("You left over technical trouble. We are sorry for the time it cost you.", "technical trouble")
            }
            Reason::PoorSupport => say("You were right to expect better."),
            Reason::MissingFeatures if words.is_some() => say("That was a fair thing to want."),
            _ if words.is_some() => say("That was a fair point."),
            _ => say("Something stood in your way, and you were right not to put up with it."),
        };
        letter.paragraph([self.history(), words, sorry]);
        let [shipped, does] = self.announce(update, 61);
        let lead = say("Here is what we have done since.");
        letter.paragraph([lead, shipped, does]);
        if let Some(second) = self.sheet.updates.get(1) {
            let date = day(second.shipped_on, self.sheet.today);
            let said = Said::new(format!("There is more in the same direction: {}, on {date}.", second.title.trim_end_matches('.')));
            let said = self.on_update(said, second, date);
            letter.paragraph([Some(said)]);
        }
        letter.paragraph([say(self.pick(62, &[
            "If that was what stood in your way, it is worth another look. If your trouble was a different one, this won't cure it, and we'd rather say so now than after you have paid again.",
            "If that was the problem, try the same thing again and see how it goes. If it was something else, this may not help, and it is only fair to tell you.",
        ]))]);
        self.act(&mut letter, Said::new("See whether it holds up"), Said::new("If you want to see whether it holds up, just reply to this email."));
        self.sign(&mut letter, false);
        letter.finish(Strategy::PainPointFix)
    }

    fn what_went_wrong(&self) -> Draft {
        let mut letter = self.letter(self.named("What went wrong, {name}?", "What went wrong?"));
        // A complaint about the price says nothing about what broke.
        let about_it =
            !matches!(self.sheet.reason, Reason::TooExpensive | Reason::NotUsingEnough | Reason::SwitchingCompetitor | Reason::DontNeedAnymore);
        let words = self.their_words().filter(|_| about_it);
        let sorry = match self.sheet.reason {
            Reason::TechnicalIssues if words.is_none() => {
                self.reason_said("You left over technical trouble, and we are sorry for the time it cost you.", "technical trouble")
            }
            Reason::TechnicalIssues => say("We are sorry for the time that cost you."),
            _ if words.is_some() => say("We'd like to understand it properly."),
            _ => say("If anything broke or got in your way before you left, we'd like to know about it."),
        };
        letter.paragraph([self.history(), words, sorry]);
        letter.paragraph([say(
            "We have no fix to announce in this email, and we won't pretend to have one. What would help is the detail: what you were trying to do, what happened instead, and how often.",
        )]);
        letter.paragraph([say(self.pick(
            63,
            &[
                "A screenshot or an error message is welcome, and so are two lines from memory.",
                "It doesn't have to be a proper report. Two lines from memory are worth having.",
            ],
        ))]);
        letter.paragraph([say("Just reply to this email with whatever you remember.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::PainPointFix)
    }
}
