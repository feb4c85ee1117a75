//! The nine letters.

use crate::domain::money::grouped;
use crate::domain::reason::{Reason, Strategy};

use super::Draft;
use super::facts::{FactSheet, UpdateFact};
use super::letter::Letter;
use super::words::{day, first_name, list, number, pick, quotable, seed, sentence, tenure};

/// All nine, one for each strategy, in the order of [`Strategy::ALL`].
pub fn draft_all(sheet: &FactSheet) -> Vec<Draft> {
    let writer = Writer::new(sheet);
    Strategy::ALL
        .iter()
        .map(|strategy| match strategy {
            Strategy::Discount => writer.discount(),
            Strategy::UnusedFeature => writer.unused_feature(),
            Strategy::ValueRecap => writer.value_recap(),
            Strategy::SocialProof => writer.social_proof(),
            Strategy::PainPointFix => writer.pain_point_fix(),
            Strategy::FounderEmail => writer.founder_email(),
            Strategy::PauseOption => writer.pause_option(),
            Strategy::FeedbackRequest => writer.feedback_request(),
            Strategy::DowngradeOffer => writer.downgrade_offer(),
        })
        .collect()
}

/// The one to choose: what the reason calls for, unless the fact it lives on is missing.
pub fn recommended(sheet: &FactSheet) -> Strategy {
    match Strategy::for_reason(sheet.reason) {
        Strategy::Discount if sheet.offer.is_none() && sheet.smaller_plan.is_some() => Strategy::DowngradeOffer,
        strategy => strategy,
    }
}

struct Writer<'a> {
    sheet: &'a FactSheet,
    name: Option<String>,
    product: String,
    seed: u64,
}

impl<'a> Writer<'a> {
    fn new(sheet: &'a FactSheet) -> Self {
        let name = first_name(sheet.customer.name.as_deref());
        let seed = seed(&format!("{:?}{:?}{:?}", sheet.customer.name, sheet.customer.plan, sheet.customer.tenure_days));
        let product = sheet.company.product.clone().unwrap_or_else(|| "our product".to_owned());
        Writer { sheet, name, product, seed }
    }

    fn letter(&self, strategy: Strategy, subject: impl Into<String>) -> Letter {
        let mut letter = Letter::new(strategy, subject);
        match &self.name {
            Some(name) => {
                letter.say([format!("Hi {name},")]).fact("contact", None, format!("First name: {name}"));
            }
            None => {
                letter.say(["Hello,".to_owned()]);
            }
        }
        letter
    }

    fn sign(&self, letter: &mut Letter, as_founder: bool) {
        let name = if as_founder { self.sheet.company.founder_name.as_ref() } else { None };
        let name = name.or(self.sheet.company.sender_name.as_ref());
        if let Some(name) = name {
            letter.say([format!("Best wishes,\n{name}")]).fact("company", None, format!("Signed by {name}"));
        }
    }

    /// The one thing to do: a link where there is one, an answer otherwise.
    fn act(&self, letter: &mut Letter, label: &str, otherwise: &str) {
        match &self.sheet.company.restart_url {
            Some(url) => {
                letter.link(label, url).fact("allowed_url", None, url.clone());
            }
            None => {
                letter.say([otherwise.to_owned()]);
            }
        }
    }

    /// "You were with Harbourline for six months on the Team plan."
    fn history(&self, letter: &mut Letter) -> Option<String> {
        let customer = &self.sheet.customer;
        let stay = customer.tenure_days.and_then(tenure);
        if let (Some(days), Some(_)) = (customer.tenure_days, &stay) {
            letter.fact("contact", None, format!("Tenure: {days} days"));
        }
        if let Some(plan) = &customer.plan {
            letter.fact("contact", None, format!("Plan: {plan}"));
        }
        match (stay, &customer.plan) {
            (Some(stay), Some(plan)) => Some(format!("You were with {} for {stay}, on the {plan} plan.", self.product)),
            (Some(stay), None) => Some(format!("You were with {} for {stay}.", self.product)),
            (None, Some(plan)) => Some(format!("You were on the {plan} plan at {}.", self.product)),
            (None, None) => None,
        }
    }

    /// What they left for, in their words where those can be quoted.
    fn their_words(&self, letter: &mut Letter, lead: &str) -> Option<String> {
        let (quote, source) = self.sheet.quotes.iter().find_map(|quote| Some((quotable(&quote.text)?, quote.source.clone())))?;
        letter.fact("ticket_quote", None, format!("“{quote}” ({source})"));
        Some(format!("{lead} “{quote}”."))
    }

    fn shipped(&self, letter: &mut Letter, update: &UpdateFact) -> String {
        letter.fact("product_update", Some(&update.id), format!("{}, shipped {}", update.title, update.shipped_on));
        format!("On {} we shipped {}. {}", day(update.shipped_on, self.sheet.today), update.title, sentence(&update.summary))
    }

    fn read_more(&self, letter: &mut Letter, update: &UpdateFact) -> bool {
        let Some(url) = &update.url else { return false };
        letter.link("See how it works", url).fact("allowed_url", None, url.clone());
        true
    }

    fn days_gone(&self, letter: &mut Letter) -> Option<i32> {
        let left = self.sheet.customer.left_on?;
        let days = self.sheet.today.since(left).ok()?.get_days();
        if days < 1 {
            return None;
        }
        letter.fact("contact", None, format!("Left on {left}"));
        Some(days)
    }

    fn discount(&self) -> Draft {
        let Some(offer) = &self.sheet.offer else { return self.honest_about_price() };
        let term =
            offer.months.map(|months| if months == 1 { "your first month".to_owned() } else { format!("your first {} months", number(months)) });
        let subject = match &term {
            Some(term) => format!("We'd love to have you back: {}% off {term}", offer.percent),
            None => format!("We'd love to have you back: {}% off", offer.percent),
        };
        let mut letter = self.letter(Strategy::Discount, subject);
        let history = self.history(&mut letter);
        let price = self.sheet.customer.mrr.as_ref().filter(|mrr| mrr.minor > 0);
        if let Some(price) = price {
            letter.fact("contact", None, format!("Paid {price} a month"));
        }
        let quote = if self.sheet.reason == Reason::TooExpensive { self.their_words(&mut letter, "When you left you told us:") } else { None };
        letter.say([history, price.map(|price| format!("It cost you {price} a month.")), quote]);
        let offered = match &term {
            Some(term) => format!("If the price was what stood in the way, here is {}% off {term}.", offer.percent),
            None => format!("If the price was what stood in the way, here is {}% off.", offer.percent),
        };
        let until = offer.expires_on.map(|last| format!("It is valid until {}.", day(last, self.sheet.today)));
        letter.say([Some(offered), Some(format!("Enter the code {} when you restart.", offer.code)), until]);
        letter.fact("offer", Some(&offer.id), format!("{}: {}% off", offer.code, offer.percent)).coupon(&offer.code, offer.percent, &offer.id);
        self.act(&mut letter, "Restart with this code", "Answer this mail and we will apply it for you.");
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn honest_about_price(&self) -> Draft {
        let mut letter = self.letter(Strategy::Discount, format!("About what {} cost you", self.product));
        let history = self.history(&mut letter);
        letter.say([history, Some("If the price was part of why you left, we would like to find one that fits.".to_owned())]);
        letter
            .say(["Tell us what it would have to cost to be worth it for you. A person reads the answer and writes back with what we can do."
                .to_owned()]);
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn unused_feature(&self) -> Draft {
        let used: Vec<String> = self.sheet.customer.features.iter().map(|f| f.to_lowercase()).collect();
        let fresh = |update: &&UpdateFact| update.feature.as_ref().is_none_or(|f| !used.contains(&f.to_lowercase()));
        let answered = self.sheet.updates.first();
        let Some(update) = answered.or_else(|| self.sheet.other_updates.iter().find(fresh)) else { return self.nothing_new() };
        let subject = match (&self.name, answered.is_some()) {
            (Some(name), true) => format!("We shipped {}, {name}", update.title),
            (None, true) => format!("We shipped {}", update.title),
            (_, false) => format!("{}: new since you left", update.title),
        };
        let mut letter = self.letter(Strategy::UnusedFeature, subject);
        let history = self.history(&mut letter);
        let quote = if answered.is_some() { self.their_words(&mut letter, "Before you left you wrote:") } else { None };
        let lead = match (&quote, answered.is_some()) {
            (Some(_), _) => Some("That was a fair thing to ask for.".to_owned()),
            (None, true) => Some("You asked for something we did not have.".to_owned()),
            (None, false) => None,
        };
        letter.say([history, quote, lead]);
        let shipped = self.shipped(&mut letter, update);
        letter.say([shipped]);
        let used: Vec<String> = self.sheet.customer.features.iter().take(2).cloned().collect();
        if !used.is_empty() {
            letter.say([format!("When you left you were using {}.", list(&used))]).fact("contact", None, format!("Used: {}", list(&used)));
        }
        if !self.read_more(&mut letter, update) {
            self.act(&mut letter, "Try it", "Answer this mail and we will show it to you.");
        }
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn nothing_new(&self) -> Draft {
        let mut letter = self.letter(Strategy::UnusedFeature, format!("What {} could not do for you", self.product));
        let history = self.history(&mut letter);
        letter.say([history]);
        letter.say(["Was there something you needed and did not find? Name it in one line and we will tell you plainly whether it exists, is planned, or is not.".to_owned()]);
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn value_recap(&self) -> Draft {
        let customer = &self.sheet.customer;
        let stay = customer.tenure_days.and_then(tenure);
        let subject = match (&stay, customer.usage.first()) {
            (_, Some(figure)) if figure.value > 1 => {
                format!("{} {}: what you did with {}", grouped(figure.value.unsigned_abs()), figure.label, self.product)
            }
            (Some(stay), _) => format!("What you did with {} in {stay}", self.product),
            _ => format!("What you had going with {}", self.product),
        };
        let mut letter = self.letter(Strategy::ValueRecap, subject);
        let history = self.history(&mut letter);
        letter.say([history]);
        let figures: Vec<String> =
            customer.usage.iter().filter(|f| f.value > 0).map(|f| format!("{} {}", grouped(f.value.unsigned_abs()), f.label)).collect();
        for figure in &figures {
            letter.fact("usage_figure", None, figure.clone());
        }
        if figures.is_empty() {
            letter.say(["You had it set up and running. If the need comes back, what would you use it for first?".to_owned()]);
        } else {
            letter.say([pick(self.seed, &["In that time it did this for you:", "This is what it took off your hands:", "Here is what came of it:"])
                .to_owned()]);
            letter.list(figures);
        }
        let used: Vec<String> = customer.features.iter().take(3).cloned().collect();
        if !used.is_empty() {
            letter.say([format!("You worked with {}.", list(&used))]).fact("contact", None, format!("Used: {}", list(&used)));
        }
        self.act(&mut letter, "Pick up where you left off", "If you would like to pick it up again, answer this mail.");
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn social_proof(&self) -> Draft {
        let Some(story) = &self.sheet.story else {
            let mut letter = self.letter(Strategy::SocialProof, "A question about where you went");
            let history = self.history(&mut letter);
            letter.say([history, Some("Which tool do you use for this now, and what does it do better?".to_owned())]);
            letter
                .say(["If you like, we will put you in touch with a customer who compared the two. You hear it from them, not from us.".to_owned()]);
            self.sign(&mut letter, false);
            return letter.finish();
        };
        let mut letter = self.letter(Strategy::SocialProof, format!("How {} uses {}", story.who, self.product));
        let history = self.history(&mut letter);
        letter.say([history, Some("Before you settle on something else, here is what one of our customers says.".to_owned())]);
        letter.say([format!("“{}”", story.quote.trim_matches('"'))]);
        letter.say([Some(format!("That is {}.", story.who)), story.outcome.as_deref().map(sentence)]);
        letter.fact("story", Some(&story.id), format!("{}: “{}”", story.who, story.quote));
        self.act(&mut letter, "Take another look", "If you want to compare notes with them, answer this mail.");
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn pain_point_fix(&self) -> Draft {
        let answer = self.sheet.updates.first();
        let subject = match answer {
            Some(update) => format!("What you reported, and what we did: {}", update.title),
            None => format!("What went wrong for you at {}", self.product),
        };
        let mut letter = self.letter(Strategy::PainPointFix, subject);
        let quote = self.their_words(&mut letter, "You wrote to us:");
        let history = self.history(&mut letter);
        match answer {
            Some(update) => {
                letter.say([quote.or(history), Some("You should not have had to.".to_owned())]);
                let shipped = self.shipped(&mut letter, update);
                letter.say([shipped]);
                letter
                    .say(["If that was what stood in your way, it no longer should. If it was something else, tell us and we will look at that."
                        .to_owned()]);
                if !self.read_more(&mut letter, update) {
                    self.act(&mut letter, "See for yourself", "Answer this mail and we will walk you through it.");
                }
            }
            None => {
                letter.say([quote.or(history)]);
                letter.say(["We have not announced a fix that answers it, so we will not claim one. What we can do is look at your case: answer with what happened and when, and a person reads it.".to_owned()]);
            }
        }
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn founder_email(&self) -> Draft {
        let founder = self.sheet.company.founder_name.as_deref();
        let subject = match (founder, &self.name) {
            (Some(founder), Some(name)) => format!("{name}, a word from {}", founder.split(' ').next().unwrap_or(founder)),
            (Some(founder), None) => format!("A word from {}", founder.split(' ').next().unwrap_or(founder)),
            (None, Some(name)) => format!("{name}, a personal note"),
            (None, None) => "A personal note".to_owned(),
        };
        let mut letter = self.letter(Strategy::FounderEmail, subject);
        let history = self.history(&mut letter);
        match founder {
            Some(founder) => {
                letter.say([Some(format!("I am {founder}, founder of {}.", self.product)), history]);
                letter.fact("company", None, format!("Founder: {founder}"));
            }
            None => {
                letter.say([history]);
            }
        }
        let quote = self.their_words(&mut letter, "I read what you wrote:");
        let support =
            (self.sheet.reason == Reason::PoorSupport).then(|| "You deserved an answer sooner and a better one, and I am sorry.".to_owned());
        letter.say([quote, support, Some("You left, and I would rather ask than guess.".to_owned())]);
        letter.say([pick(
            self.seed,
            &[
                "I would like to understand what we got wrong. Answer this mail and it comes to me.",
                "Would you tell me what we should have done? Your answer comes straight to me.",
                "If you have two minutes, tell me where we let you down. I read the answers myself.",
            ],
        )
        .to_owned()]);
        self.sign(&mut letter, true);
        letter.finish()
    }

    fn pause_option(&self) -> Draft {
        let months = self.sheet.company.pause_months.as_deref().and_then(|m| m.parse::<i32>().ok()).filter(|m| *m > 0);
        let subject = match months {
            Some(1) => "A pause of a month in place of goodbye".to_owned(),
            Some(months) => format!("A pause of up to {} months in place of goodbye", number(months)),
            None => "Would a pause have helped?".to_owned(),
        };
        let mut letter = self.letter(Strategy::PauseOption, subject);
        let history = self.history(&mut letter);
        letter.say([history, Some("Sometimes a tool is right and the season is not.".to_owned())]);
        match months {
            Some(months) => {
                let keeps = self.sheet.company.pause_keeps.as_ref().map(|keeps| format!("We keep {keeps} as they are."));
                letter.say([
                    Some(if months == 1 {
                        "You can pause your plan for a month.".to_owned()
                    } else {
                        format!("You can pause your plan for up to {} months.", number(months))
                    }),
                    keeps,
                ]);
                letter.fact("company", None, format!("Pause: up to {months} months"));
                self.act(&mut letter, "Come back on pause", "Answer this mail and we will set it up.");
            }
            None => {
                letter.say(["If you expect to need this again, tell us roughly when, and we will write then and not before.".to_owned()]);
            }
        }
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn feedback_request(&self) -> Draft {
        let mut letter = self.letter(
            Strategy::FeedbackRequest,
            match &self.name {
                Some(name) => format!("One question, {name}"),
                None => "One question about why you left".to_owned(),
            },
        );
        let gone = self.days_gone(&mut letter);
        let lead = match gone {
            Some(days) if days < 30 => Some(format!("It's been {days} {} since your subscription ended.", if days == 1 { "day" } else { "days" })),
            Some(_) => Some("It has been a while since your subscription ended.".to_owned()),
            None => None,
        };
        let history = self.history(&mut letter);
        letter.say([lead, history]);
        letter.say(["What was the one thing that made you leave? A sentence is plenty.".to_owned()]);
        if let Some(thanks) = &self.sheet.company.feedback_incentive {
            letter.say([format!("As thanks for an answer there is {thanks}.")]).fact("company", None, format!("Incentive: {thanks}"));
        }
        letter.say(["Just reply to this mail, in your own words.".to_owned()]);
        self.sign(&mut letter, false);
        letter.finish()
    }

    fn downgrade_offer(&self) -> Draft {
        let Some(plan) = &self.sheet.smaller_plan else {
            let mut letter = self.letter(Strategy::DowngradeOffer, "Would a smaller plan fit?");
            let history = self.history(&mut letter);
            letter.say([history, Some("Perhaps it was simply more than you needed.".to_owned())]);
            letter.say(["Tell us which parts you used, and we will say honestly whether there is a plan that holds just those.".to_owned()]);
            self.sign(&mut letter, false);
            return letter.finish();
        };
        let mut letter = self.letter(Strategy::DowngradeOffer, format!("The {} plan, for {} a month", plan.name, plan.price));
        let history = self.history(&mut letter);
        letter.say([history, Some("Perhaps it was simply more than you needed.".to_owned())]);
        let kept: Vec<String> =
            self.sheet.customer.features.iter().filter(|used| plan.features.iter().any(|f| f.eq_ignore_ascii_case(used))).take(3).cloned().collect();
        let keeps = (!kept.is_empty()).then(|| format!("It includes {}, which you used.", list(&kept)));
        letter.say([Some(format!("The {} plan costs {} a month.", plan.name, plan.price)), keeps]);
        letter.fact("plan_price", None, format!("{}: {} a month", plan.name, plan.price));
        self.act(&mut letter, &format!("Restart on {}", plan.name), "Answer this mail and we will move you over.");
        self.sign(&mut letter, false);
        letter.finish()
    }
}
