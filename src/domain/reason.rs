//! Why a customer left: from codes and free text to one of eight reasons, with the words that led there.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::text_enum;

text_enum!(
    /// Why a customer left.
    pub enum Reason {
        /// The price.
        TooExpensive => "too_expensive",
        /// Something it could not do.
        MissingFeatures => "missing_features",
        /// It was not used enough to be worth it.
        NotUsingEnough => "not_using_enough",
        /// Another product.
        SwitchingCompetitor => "switching_competitor",
        /// It broke or was slow.
        TechnicalIssues => "technical_issues",
        /// Nobody helped.
        PoorSupport => "poor_support",
        /// The need went away.
        DontNeedAnymore => "dont_need_anymore",
        /// None of these, or nothing was said.
        Other => "other",
    }
);

text_enum!(
    /// The nine ways to write to somebody who left.
    pub enum Strategy {
        /// A percentage off.
        Discount => "discount",
        /// A feature they have not tried.
        UnusedFeature => "unused_feature",
        /// What they got out of it.
        ValueRecap => "value_recap",
        /// What somebody like them says.
        SocialProof => "social_proof",
        /// What was done about their problem.
        PainPointFix => "pain_point_fix",
        /// A word from the founder.
        FounderEmail => "founder_email",
        /// A pause in place of the end.
        PauseOption => "pause_option",
        /// A question.
        FeedbackRequest => "feedback_request",
        /// A smaller plan.
        DowngradeOffer => "downgrade_offer",
    }
);

#[expect(clippy::derivable_impls, reason = "the enum is declared by a macro")]
impl Default for Reason {
    fn default() -> Self {
        Reason::Other
    }
}

impl Reason {
    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Reason::TooExpensive => "Too expensive",
            Reason::MissingFeatures => "Missing features",
            Reason::NotUsingEnough => "Not using it enough",
            Reason::SwitchingCompetitor => "Switching to a competitor",
            Reason::TechnicalIssues => "Technical issues",
            Reason::PoorSupport => "Poor support",
            Reason::DontNeedAnymore => "Not needed any more",
            Reason::Other => "Other or unknown",
        }
    }

    /// The reason a provider's code stands for; `None` for "other" and unknown codes.
    /// Stripe's values: `cancellation_details.feedback` in its API reference.
    pub fn from_code(code: &str) -> Option<Reason> {
        Some(match code.trim().to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
            "too_expensive" => Reason::TooExpensive,
            "missing_features" => Reason::MissingFeatures,
            "not_using_enough" | "not_using" | "unused" => Reason::NotUsingEnough,
            "switching_competitor" | "switched_to_competitor" | "switching" | "switched_service" => Reason::SwitchingCompetitor,
            "technical_issues" | "low_quality" | "too_complex" => Reason::TechnicalIssues,
            "poor_support" | "bad_support" | "customer_service" => Reason::PoorSupport,
            "dont_need_anymore" | "temporary_pause" | "temporary" => Reason::DontNeedAnymore,
            _ => return None,
        })
    }
}

impl Strategy {
    /// The strategy a reason calls for.
    pub fn for_reason(reason: Reason) -> Strategy {
        match reason {
            Reason::TooExpensive => Strategy::Discount,
            Reason::MissingFeatures => Strategy::UnusedFeature,
            Reason::NotUsingEnough => Strategy::ValueRecap,
            Reason::SwitchingCompetitor => Strategy::SocialProof,
            Reason::TechnicalIssues => Strategy::PainPointFix,
            Reason::PoorSupport => Strategy::FounderEmail,
            Reason::DontNeedAnymore => Strategy::PauseOption,
            Reason::Other => Strategy::FeedbackRequest,
        }
    }

    /// A name for people.
    pub fn label(self) -> &'static str {
        match self {
            Strategy::Discount => "Discount",
            Strategy::UnusedFeature => "Unused feature",
            Strategy::ValueRecap => "Value recap",
            Strategy::SocialProof => "Social proof",
            Strategy::PainPointFix => "Pain point fix",
            Strategy::FounderEmail => "Founder email",
            Strategy::PauseOption => "Pause option",
            Strategy::FeedbackRequest => "Feedback request",
            Strategy::DowngradeOffer => "Downgrade offer",
        }
    }

    /// What it does, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Strategy::Discount => "Offers a percentage off.",
            Strategy::UnusedFeature => "Shows a feature they have not tried.",
            Strategy::ValueRecap => "Recalls what they got out of it.",
            Strategy::SocialProof => "Lets a similar customer speak.",
            Strategy::PainPointFix => "Answers the problem they had.",
            Strategy::FounderEmail => "A personal word from the founder.",
            Strategy::PauseOption => "Offers a pause in place of the end.",
            Strategy::FeedbackRequest => "Asks what went wrong.",
            Strategy::DowngradeOffer => "Suggests a smaller plan.",
        }
    }
}

/// Words that led to a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonQuote {
    /// Where they stand: "cancel code", "their words", or a mail's subject.
    pub source: String,
    /// The sentence, exactly as written.
    pub text: String,
    /// The words in it that counted.
    pub matched: Vec<String>,
}

/// What the analysis found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The reason.
    pub reason: Reason,
    /// How sure, 0 to 100.
    pub confidence: i32,
    /// The words that led there.
    pub quotes: Vec<ReasonQuote>,
}

/// Cues with their weights. Word boundaries are part of each pattern.
static CUES: LazyLock<Vec<(Reason, i32, regex::Regex)>> = LazyLock::new(|| {
    let table: &[(Reason, i32, &str)] = &[
        (
            Reason::TooExpensive,
            4,
            r"\b(?:too (?:expensive|pricey|costly)|over(?:priced| budget)|can(?:'|’)?t (?:afford|justify)|cannot (?:afford|justify)|price (?:increase|hike|went up)|(?:zu )?teuer|trop ch(?:er|ère)|demasiado caro|muy caro)\b",
        ),
        (Reason::TooExpensive, 2, r"\b(?:expensive|pricey|costly|price|pricing|budget|cheaper|cost(?:s|ing)?|afford|invoice doubled|per seat)\b"),
        (
            Reason::MissingFeatures,
            4,
            r"\b(?:missing (?:a |the |some )?\w+|(?:does|did)(?:n(?:'|’)t| not) (?:have|support|offer)|(?:no|lacks?|lacking|without) (?:\w+ ){0,2}(?:support|integration|export|api|import|feature|sso|option)|we need(?:ed)? (?:a |an |the )?\w+|feature (?:request|we)|fehlt|il manque|manque|falta)\b",
        ),
        (Reason::MissingFeatures, 2, r"\b(?:feature|features|integration|export|roadmap|could not do|can(?:'|’)?t do)\b"),
        (
            Reason::NotUsingEnough,
            4,
            r"\b(?:(?:not|never|hardly|barely|rarely|didn(?:'|’)t|don(?:'|’)t|wasn(?:'|’)t|weren(?:'|’)t) (?:really |even |actually )?(?:us(?:e|ed|ing)|log(?:ged)? in)(?: it)?|didn(?:'|’)t get around|no time to|kaum (?:genutzt|benutzt)|pas assez utilis|apenas)\b",
        ),
        (Reason::NotUsingEnough, 2, r"\b(?:unused|underused|collecting dust|once a month)\b"),
        (
            Reason::SwitchingCompetitor,
            4,
            r"\b(?:switch(?:ed|ing)? (?:to|over)|moved? (?:everything )?(?:over )?to (?:an)?other|mov(?:ed|ing) to|went with|going with|chose (?:another|a different)|competitor|wechseln? zu|gewechselt|passons? (?:à|chez)|cambiamos a)\b",
        ),
        (Reason::SwitchingCompetitor, 2, r"\b(?:alternative|another (?:tool|vendor|product|service|platform)|in-house)\b"),
        (
            Reason::TechnicalIssues,
            4,
            r"\b(?:(?:kept|keeps) (?:failing|crashing|breaking|timing out|disconnecting)|crash(?:ed|es|ing)?|bug(?:s|gy)?|outages?|downtime|time(?:d)? ?outs?|timing out|stopped (?:working|syncing)|data loss|lost (?:orders|data)|duplicate(?:d|s)? orders|broke(?:n)?|doesn(?:'|’)t work|did not work|didn(?:'|’)t work|funktioniert nicht|abst(?:ü|u)rz\w*|ne (?:marche|fonctionne) pas|no funciona)\b",
        ),
        (Reason::TechnicalIssues, 2, r"\b(?:slow|error(?:s)?|failed|failing|fails?|sync(?:ed)? wrong|unreliable|complicated|complex|fehler|lento)\b"),
        (
            Reason::PoorSupport,
            4,
            r"\b(?:(?:no|never (?:got|had|received)(?: an?| any)?|without(?: an?)?) (?:repl(?:y|ies)|answers?|response)|nobody (?:answered|replied|helped|got back)|support (?:never|took|kept|didn(?:'|’)t|(?:was|is) (?:\w+ )?(?:slow|bad|poor|terrible|awful|useless|rude|unhelpful|non-?existent))\b|wait(?:ed|ing) (?:\w+ ){1,3}(?:for (?:a|an|any) (?:reply|answer|response))|poor support|bad support|unhelpful|rude|keine antwort|aucune r(?:é|e)ponse|nadie respond\w*)",
        ),
        (Reason::PoorSupport, 2, r"\b(?:support|customer service|ticket|tickets|kundendienst|soporte)\b"),
        (
            Reason::DontNeedAnymore,
            4,
            r"\b(?:(?:no longer|don(?:'|’)t|do not|not) need(?:ed)?(?: it)?(?: any ?more)?|clos(?:ed|ing) (?:the |our |my )?(?:business|shop|store|company)|shut(?:ting)? down|project (?:is |has )?(?:ended|over|finished|cancelled)|season(?:al)?|on pause|taking a break|sold the (?:business|company|shop)|brauchen? (?:es|wir|das)? ?nicht mehr|plus besoin|ya no (?:lo )?necesit\w+)\b",
        ),
        (Reason::DontNeedAnymore, 2, r"\b(?:temporary|temporarily|pause|retir(?:ed|ing)|hibernat\w+)\b"),
    ];
    table
        .iter()
        .filter_map(|(reason, weight, pattern)| {
            let pattern = regex::RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build();
            pattern.ok().map(|pattern| (*reason, *weight, pattern))
        })
        .collect()
});

/// "not too expensive", "price was fine": the cue says the opposite.
static NEGATED: LazyLock<Option<regex::Regex>> = LazyLock::new(|| {
    regex::Regex::new(r"(?i)(?:\b(?:not|isn(?:'|’)t|wasn(?:'|’)t|never|nothing to do with|no complaints? about|nicht)(?: \w+){0,2} $|\b(?:great|love[ds]?|good|fast|friendly|excellent|happy with)(?: \w+){0,2} $)").ok()
});
static PRAISED: LazyLock<Option<regex::Regex>> = LazyLock::new(|| {
    regex::Regex::new(
        r"(?i)^ ?(?:\w+ ){0,2}?(?:was|were|is|are|has been) (?:\w+ )?(?:fine|great|good|ok|okay|excellent|friendly|fair|quick|helpful)\b",
    )
    .ok()
});

/// Finds the reason. A specific code wins; free text and mail decide otherwise, and
/// add quotes either way. `thread` gives mails as (subject, words).
pub fn analyse(code: Option<&str>, free_text: Option<&str>, thread: &[(&str, &str)]) -> Analysis {
    let mut scores = [0_i32; 8];
    let mut found: Vec<(Reason, i32, ReasonQuote)> = vec![];
    let texts = free_text.map(|text| ("their words", text, 3)).into_iter();
    for (source, text, trust) in texts.chain(thread.iter().map(|(subject, text)| (*subject, *text, 1))) {
        for sentence in sentences(text) {
            for (reason, weight, quote) in cues_in(source, sentence) {
                scores[reason as usize] += weight * trust;
                match found.iter_mut().find(|(r, _, q)| *r == reason && q.text == quote.text) {
                    Some((_, sum, known)) => {
                        *sum += weight * trust;
                        known.matched.extend(quote.matched.into_iter().filter(|word| !known.matched.contains(word)).collect::<Vec<_>>());
                    }
                    None => found.push((reason, weight * trust, quote)),
                }
            }
        }
    }
    let from_code = code.and_then(Reason::from_code);
    let best = Reason::ALL.iter().copied().filter(|r| scores[*r as usize] > 0).max_by_key(|r| (scores[*r as usize], std::cmp::Reverse(*r)));
    let reason = from_code.or(best).unwrap_or(Reason::Other);
    let total: i32 = scores.iter().sum();
    let share = if total > 0 { 100 * scores[reason as usize] / total } else { 0 };
    let confidence = match (from_code, best) {
        (Some(_), Some(best)) if best == reason => 95,
        (Some(_), _) => 85,
        (None, Some(_)) => (share.min(90) * scores[reason as usize].min(12) / 12).clamp(30, 90),
        (None, None) => 0,
    };
    let mut quotes: Vec<(i32, ReasonQuote)> = found.into_iter().filter(|(r, ..)| *r == reason).map(|(_, weight, quote)| (weight, quote)).collect();
    quotes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let mut quotes: Vec<ReasonQuote> = quotes.into_iter().map(|(_, quote)| quote).take(4).collect();
    if let (Some(_), Some(code)) = (from_code, code) {
        quotes.insert(0, ReasonQuote { source: "cancel code".into(), text: code.to_owned(), matched: vec![code.to_owned()] });
    }
    Analysis { reason, confidence, quotes }
}

fn cues_in<'a>(source: &'a str, sentence: &'a str) -> impl Iterator<Item = (Reason, i32, ReasonQuote)> + 'a {
    CUES.iter().filter_map(move |(reason, weight, pattern)| {
        let cue = pattern.find(sentence)?;
        let opposite = NEGATED.as_ref().is_some_and(|negated| negated.is_match(&sentence[..cue.start()]))
            || PRAISED.as_ref().is_some_and(|praised| praised.is_match(&sentence[cue.end()..]));
        if opposite {
            return None;
        }
        let quote = ReasonQuote { source: source.to_owned(), text: sentence.to_owned(), matched: vec![cue.as_str().to_owned()] };
        Some((*reason, *weight, quote))
    })
}

/// The sentences of a text, exactly as written, at most 300 bytes each.
pub fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['\n', '.', '!', '?', ';']).map(|sentence| sentence.trim().trim_end_matches(['.', ';'])).filter(|s| !s.is_empty()).map(|s| {
        let mut end = s.len().min(300);
        while !s.is_char_boundary(end) {
            end -= 1;
        }
        &s[..end]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_becomes_a_reason() {
        let table = [
            ("It got too expensive for a team of our size", Reason::TooExpensive),
            ("We can't justify the cost any more", Reason::TooExpensive),
            ("Das ist uns leider zu teuer geworden", Reason::TooExpensive),
            ("C'est trop cher pour nous", Reason::TooExpensive),
            ("Demasiado caro para lo que usamos", Reason::TooExpensive),
            ("Your tool doesn't support multi-currency", Reason::MissingFeatures),
            ("There is no Xero integration", Reason::MissingFeatures),
            ("We needed bulk export and it never came", Reason::MissingFeatures),
            ("We hardly used it after the first month", Reason::NotUsingEnough),
            ("never logged in since spring", Reason::NotUsingEnough),
            ("Didn't use it enough", Reason::NotUsingEnough),
            ("We switched to another vendor", Reason::SwitchingCompetitor),
            ("Went with a competitor that our parent company uses", Reason::SwitchingCompetitor),
            ("The sync kept failing on Mondays", Reason::TechnicalIssues),
            ("Webhooks were timing out and we lost orders", Reason::TechnicalIssues),
            ("Die App funktioniert nicht", Reason::TechnicalIssues),
            ("I waited nine days for a reply", Reason::PoorSupport),
            ("Nobody answered my ticket", Reason::PoorSupport),
            ("We no longer need it", Reason::DontNeedAnymore),
            ("Closing the shop at the end of the month", Reason::DontNeedAnymore),
            ("The project has ended", Reason::DontNeedAnymore),
            ("asdf", Reason::Other),
            ("", Reason::Other),
        ];
        for (text, reason) in table {
            assert_eq!(analyse(None, Some(text), &[]).reason, reason, "{text}");
        }
    }

    #[test]
    fn what_is_denied_or_praised_is_no_reason() {
        for (text, reason) in [
            ("It was not too expensive, but the sync kept failing", Reason::TechnicalIssues),
            ("The price was fine. We needed bulk export", Reason::MissingFeatures),
            ("Support was great, we just no longer need it", Reason::DontNeedAnymore),
        ] {
            assert_eq!(analyse(None, Some(text), &[]).reason, reason, "{text}");
        }
    }

    #[test]
    fn a_specific_code_wins_and_other_falls_to_the_words() {
        assert_eq!(analyse(Some("unused"), Some("too expensive"), &[]).reason, Reason::NotUsingEnough);
        assert_eq!(analyse(Some("other"), Some("it is too expensive"), &[]).reason, Reason::TooExpensive);
        assert_eq!(analyse(Some("gibberish"), None, &[]).reason, Reason::Other);
        let thread = [("Export", "We need bulk export to CSV. When will it come?")];
        assert_eq!(analyse(None, None, &thread).reason, Reason::MissingFeatures);
    }

    #[test]
    fn quotes_are_the_customers_own_words() {
        let text = "Hi! The sync kept failing on Mondays; we lost orders 😡. Bye";
        let found = analyse(None, Some(text), &[]);
        assert!(!found.quotes.is_empty());
        for quote in &found.quotes {
            assert!(text.contains(&quote.text));
            assert!(quote.matched.iter().all(|word| quote.text.contains(word.as_str())));
        }
    }

    #[test]
    fn every_code_of_the_documents_and_of_stripe_is_understood() {
        for (code, reason) in [
            ("switched_to_competitor", Reason::SwitchingCompetitor),
            ("switching", Reason::SwitchingCompetitor),
            ("bad_support", Reason::PoorSupport),
            ("temporary_pause", Reason::DontNeedAnymore),
            ("not_using", Reason::NotUsingEnough),
            ("customer_service", Reason::PoorSupport),
            ("low_quality", Reason::TechnicalIssues),
            ("switched_service", Reason::SwitchingCompetitor),
            ("TOO_EXPENSIVE", Reason::TooExpensive),
        ] {
            assert_eq!(Reason::from_code(code), Some(reason), "{code}");
        }
        for reason in Reason::ALL.iter().filter(|r| **r != Reason::Other) {
            assert_eq!(Reason::from_code(reason.as_str()), Some(*reason));
        }
    }
}
