//! The letters about money and time: discount, smaller plan, pause.

use super::{Draft, REPLY, Reason, Said, Strategy, Writer, day, fill, list, number, plan_name, say};
use crate::domain::drafting::facts::OfferFact;

impl Writer {
    pub(super) fn discount(&self) -> Draft {
        match &self.sheet.offer {
            Some(offer) => self.discount_of(offer),
            None => self.price_question(),
        }
    }

    /// What the discount covers: "your first 3 months".
    fn discount_of(&self, offer: &OfferFact) -> Draft {
        let percent = format!("{}% off", offer.percent);
        let span = match offer.months {
            Some(1) => " your first month".to_owned(),
            Some(months) => format!(" your first {months} months"),
            None => String::new(),
        };
        let until = offer.expires_on.map(|last| day(last, self.sheet.today));
        let label =
            format!("{percent}{span} with {}, {}", offer.code, until.as_ref().map_or("no last day".to_owned(), |until| format!("until {until}")));
        let on = |said: Said, span: &str| said.on("offer", Some(&offer.id), label.clone(), span);

        let deal = format!("{percent}{span}");
        let mut letter = self.letter(match self.pick(10, &["a", "b"]) {
            "a" => on(Said::new(format!("We'd love to have you back: {deal}")), &deal),
            _ => on(self.named(&format!("{{name}}, {deal} if you come back"), &format!("{deal} if you come back")), &deal),
        });
        let lead = if self.because(Reason::TooExpensive) {
            match self.their_words() {
                Some(_) => say("Price is a fair reason to leave, so let's talk about the price."),
                None => {
                    self.reason_said("You left because of the price. That is a fair reason, so let's talk about the price.", "because of the price")
                }
            }
        } else {
            say(self.pick(
                11,
                &[
                    "If the price had any part in your decision, we'd like to make it easier to come back.",
                    "We'd like to have you back, and we can make the first step cost less.",
                ],
            ))
        };
        let words = if self.because(Reason::TooExpensive) { self.their_words() } else { None };
        letter.paragraph([self.history_or("You were a customer of ours, and we'd be glad if you were one again."), words, lead]);

        let mut offered = on(Said::new(format!("Here is our offer: {deal} when you restart, with the code {}.", offer.code)), &deal);
        offered = on(offered, &offer.code);
        let until = until.map(|until| on(Said::new(format!("The code works until {until}.")), &until));
        let full = self.sheet.plan_price.as_ref().map(|price| {
            let price = price.to_string();
            let words = match self.plan() {
                Some(plan) => format!("Today the {plan} is {price} a month before the discount."),
                None => format!("Today your plan is {price} a month before the discount."),
            };
            Said::new(words).on("plan_price", None, format!("Price today: {price} a month"), price)
        });
        letter.paragraph([Some(offered), until, full]);
        letter.paragraph([self.features_used(|used| format!("What you used before: {used}.")), self.also_shipped("New since you left:", 0)]);
        let button = format!("Come back with {percent}");
        self.act(&mut letter, on(Said::new(button), &percent), Said::new(format!("To use the code, {REPLY}.")));
        letter.paragraph([say(self.pick(
            12,
            &[
                "If this isn't the moment, there is nothing you need to do.",
                "If the answer is still no, that is fine too; you don't need to explain it.",
                "Whatever you decide, thank you for having given us a try.",
            ],
        ))]);
        self.sign(&mut letter, false);
        let draft = letter.finish(Strategy::Discount);
        Draft { coupon_code: Some(offer.code.clone()), coupon_percent: Some(offer.percent), offer_id: Some(offer.id.clone()), ..draft }
    }

    /// Without an offer: about the price, and without any number.
    fn price_question(&self) -> Draft {
        let wordy = |said: &Said| !said.words.chars().any(|c| c.is_ascii_digit());
        let mut letter = self.letter(match self.pick(13, &["a", "b"]) {
            "a" => self.named("An honest question about price, {name}", "An honest question about price"),
            _ => Said::new("Was it the price?"),
        });
        let words = if self.because(Reason::TooExpensive) { self.their_words().filter(wordy) } else { None };
        let lead = if self.because(Reason::TooExpensive) && words.is_none() {
            self.reason_said("You left because of the price, and that is a fair reason.", "because of the price")
        } else {
            say("We'd like to know how the price looked from your side.")
        };
        letter.paragraph([self.history().filter(wordy), words, lead]);
        letter.paragraph([say(
            "There is no discount in this email, because we have none to offer you today. There is a question. Was the price too high for what you got out of it, or was it more than you could spend at the time, however useful it was?",
        )]);
        let smaller = self.sheet.cheaper_plans.first().map(|plan| {
            let name = plan_name(&plan.name);
            Said::new(format!("If a smaller plan would have done, there is the {name}.")).on(
                "plan_price",
                Some(&plan.id),
                format!("{name}, a smaller plan"),
                name,
            )
        });
        letter.paragraph([
            say("The first would be for us to put right. The second wouldn't, and it helps to know which it was."),
            smaller.filter(wordy),
        ]);
        letter.paragraph([say("To answer, just reply to this email. One line is enough.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::Discount)
    }

    pub(super) fn downgrade_offer(&self) -> Draft {
        let Some(plan) = self.sheet.cheaper_plans.first() else {
            return self.smaller_question();
        };
        let (name, price) = (plan_name(&plan.name), plan.price.to_string());
        let label = format!("{name}: {price} a month; {}", plan.features.join(", "));
        let on = |said: Said, span: &str| said.on("plan_price", Some(&plan.id), label.clone(), span);
        let subject = fill(
            self.pick(20, &["The {plan}, for {price} a month", "Would the {plan} be enough, at {price} a month?"]),
            &[("plan", &name), ("price", &price)],
        );
        let mut letter = self.letter(on(Said::new(subject), &price));

        let paid = self.sheet.customer.mrr.as_ref().filter(|mrr| mrr.currency == plan.price.currency && mrr.minor > plan.price.minor);
        let paid = paid.map(|mrr| {
            let mrr = mrr.to_string();
            Said::new(format!("You paid {mrr} a month.")).on("contact", None, format!("Paid {mrr} a month"), mrr)
        });
        let lead = match self.sheet.reason {
            Reason::TooExpensive => self.reason_said("You left because of the price, so here is a smaller one.", "because of the price"),
            Reason::NotUsingEnough => self.reason_said(
                "You were not using it enough to pay for all of it, and that is a good reason to look at a smaller plan.",
                "not using it enough",
            ),
            _ => say(self.pick(
                21,
                &[
                    "It may simply have been more than you needed, and nobody should pay for that.",
                    "Perhaps the plan was larger than the job you had for it.",
                ],
            )),
        };
        letter.paragraph([self.history_or("The plan you had wasn't the only one."), paid, lead]);

        let kept: Vec<String> = self
            .sheet
            .customer
            .features_used
            .iter()
            .filter(|used| plan.features.iter().any(|feature| feature.to_lowercase() == used.to_lowercase()))
            .take(3)
            .cloned()
            .collect();
        let cost = on(Said::new(format!("The {name} is {price} a month.")), &price);
        let includes = if !kept.is_empty() {
            let kept = list(&kept);
            Some(on(Said::new(format!("It includes {kept}, which you used.")), &kept))
        } else if !plan.features.is_empty() {
            let features = list(&plan.features.iter().take(4).cloned().collect::<Vec<_>>());
            Some(on(Said::new(format!("It includes {features}.")), &features))
        } else {
            None
        };
        let other = self.sheet.cheaper_plans.get(1).map(|other| {
            let (name, price) = (plan_name(&other.name), other.price.to_string());
            Said::new(format!("Smaller still is the {name}, at {price} a month.")).on(
                "plan_price",
                Some(&other.id),
                format!("{name}: {price} a month"),
                price,
            )
        });
        letter.paragraph([Some(cost), includes, other]);
        letter.paragraph([say(self.pick(22, &[
            "If that covers what you need, there is no reason to pay for more. If it leaves out something you rely on, it isn't the right plan, and it is better to know that before you restart.",
            "If that is all you need, it is all you should pay for. Have a look at what it leaves out before you decide; a plan that is too small helps nobody.",
        ]))]);
        let button = on(Said::new(format!("Restart on the {name}")), &name);
        self.act(&mut letter, button, Said::new(format!("If that sounds right, {REPLY}.")));
        self.sign(&mut letter, false);
        letter.finish(Strategy::DowngradeOffer)
    }

    fn smaller_question(&self) -> Draft {
        let mut letter = self.letter(self.named("Would less have been enough, {name}?", "Would less have been enough?"));
        let lead =
            self.pick(23, &["Perhaps it was simply more than you needed.", "Perhaps you paid for a whole toolbox and needed only the screwdriver."]);
        letter.paragraph([self.history(), say(lead), self.features_used(|used| format!("This is what you used, as far as we can see: {used}."))]);
        letter.paragraph([say(
            "Suppose you could keep only the parts that earned their place and drop the rest. Which would you keep? And what would be a fair price for those alone?",
        )]);
        letter.paragraph([say("We can't promise you a plan cut to measure. But an answer from someone who has used the product and stopped tells us where the line between plans ought to run.")]);
        letter.paragraph([say("If you have a view, just reply to this email. A short list will do.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::DowngradeOffer)
    }

    pub(super) fn pause_option(&self) -> Draft {
        let Some(months) = self.sheet.company.pause_months.map(u32::from) else {
            return self.not_now();
        };
        let span = if months == 1 { "a month".to_owned() } else { format!("{} months", number(months)) };
        let label = format!("Pause: up to {months} months ({span})");
        let on = |said: Said| said.on("company", None, label.clone(), span.clone());
        let subject = fill(self.pick(30, &["A pause of up to {span}, not a goodbye", "You could pause for up to {span}"]), &[("span", &span)]);
        let mut letter = self.letter(on(Said::new(subject)));
        letter.paragraph([self.history_or("You cancelled, and that may well have been the right decision."), self.no_need_lead()]);

        let keeps = self.sheet.company.pause_keeps.as_ref().map(|keeps| {
            Said::new(format!("We keep {keeps} in the meantime, so you wouldn't start again from nothing.")).on(
                "company",
                None,
                format!("Kept during a pause: {keeps}"),
                keeps,
            )
        });
        letter.paragraph([Some(on(Said::new(format!("You can put a subscription on pause for up to {span}.")))), keeps]);
        letter.paragraph([say(self.pick(31, &[
            "That suits work that comes in seasons, or the gap between one project and the next. If the need is gone for good, a pause won't change that, and you can leave things as they are.",
            "It is meant for quiet stretches: a season without orders, a project that starts later than planned. If you are sure you are done, you don't need it, and nothing more will come of this.",
        ]))]);
        self.act(&mut letter, Said::new("Set up a pause"), Said::new("If a pause would help, just reply to this email and say for how long."));
        self.sign(&mut letter, false);
        letter.finish(Strategy::PauseOption)
    }

    fn no_need_lead(&self) -> Option<Said> {
        if !self.because(Reason::DontNeedAnymore) {
            return say("If the timing was the trouble and not the product, there is something gentler than cancelling.");
        }
        self.their_words()
            .map(|said| {
                let words = format!("{} If that is only true for now, there is something gentler than cancelling.", said.words);
                said.reworded(words)
            })
            .or_else(|| {
                self.reason_said(
                    "You didn't need it any more. If that is only true for now, there is something gentler than cancelling.",
                    "didn't need it any more",
                )
            })
    }

    /// Without a pause to offer: the question whether it is one.
    fn not_now(&self) -> Draft {
        let mut letter = self.letter(self.named("Goodbye, or not just now, {name}?", "Goodbye, or not just now?"));
        let lead = if self.because(Reason::DontNeedAnymore) { self.their_words() } else { None };
        letter.paragraph([
            self.history(),
            lead,
            say("Some subscriptions end because the need is gone, others because the moment was wrong. We don't know which was true of yours."),
        ]);
        letter.paragraph([
            say("If the need is gone, there is nothing to do, and thank you for the time you gave us. If it was only the moment, tell us when it might come round again: a season, a new project, the next budget."),
            self.data_kept(),
        ]);
        letter.paragraph([say("Just reply to this email with a rough month. We are not asking you to commit to anything.")]);
        self.sign(&mut letter, false);
        letter.finish(Strategy::PauseOption)
    }
}
