//! Ten million subjects: who they are, what they said, and when. Each follows from a number, so that none has to be kept.

use anyhow::{Context as _, Result};
use consentry_core::packed::{Builder, Life, Past};
use consentry_core::{
    Answering, Choice, DeviceId, Event, EventId, EventKind, PolicyHistory, Stance, Subject, Surface, Target, Time,
};
use fastrand::Rng;

/// Any; but always the same, so that every run asks the same.
const SEED: u64 = 0x00C0_115E_0A12;

const DAY_MS: u64 = 24 * 3_600_000;
/// When all questions about now are asked: 2026-11-15.
pub const NOW: Time = Time::from_ms(1_794_700_800_000);
/// First words were said in this time before: for some they have run out, after a year.
const FIRST_DAYS: u64 = 500;
/// And second words in this time after the first, or until now.
const SECOND_DAYS: u64 = 90;

/// Of a hundred subjects, who grants all on the banner, who refuses all there; the others choose, purpose by purpose.
const ALL: u64 = 60;
const NONE: u64 = 25;
/// And who changes their mind once.
const TWICE: u64 = 30;

/// What somebody says at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Yes to everything, on the banner.
    All,
    /// No to everything, on the banner.
    None,
    /// To each purpose and its processors what the bit says, in the preference centre.
    Some(u16),
    /// No to one purpose, by its switch.
    Withdrawn(u8),
}

/// One subject, as a number has them.
pub struct Somebody {
    pub device: DeviceId,
    pub template: usize,
    first: Time,
    second: Option<Time>,
}

impl Somebody {
    pub fn times(&self) -> Vec<Time> {
        std::iter::once(self.first).chain(self.second).collect()
    }
}

/// Everything that anybody says here, and nobody yet.
pub struct Population {
    history: PolicyHistory,
    targets: Vec<Target>,
    templates: Vec<Vec<Word>>,
}

impl Population {
    pub fn new(history: PolicyHistory) -> Self {
        let purposes = history.newest().parts().purposes.len();
        let mut first = vec![Word::All, Word::None];
        first.extend((0..1 << purposes).map(Word::Some));
        let mut second = vec![Word::All, Word::None];
        second.extend((0..10).map(Word::Withdrawn));
        let once = first.iter().map(|word| vec![*word]);
        let twice = first.iter().flat_map(|one| second.iter().map(|other| vec![*one, *other]));
        Self { templates: once.chain(twice).collect(), targets: history.newest().targets().collect(), history }
    }

    /// The subject of that number. Those from `subjects` on are known to nobody.
    pub fn somebody(&self, number: u64) -> Somebody {
        let mut rng = Rng::with_seed(SEED ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bytes = [0; 16];
        rng.fill(&mut bytes);
        bytes[6] = bytes[6] & 15 | 0x40;
        bytes[8] = bytes[8] & 63 | 0x80;
        let firsts = 2 + (1 << 10);
        let first = match rng.u64(..100) {
            n if n < ALL => 0,
            n if n < ALL + NONE => 1,
            _ => 2 + rng.usize(..1 << 10),
        };
        let at = NOW.as_ms() - 1 - rng.u64(..FIRST_DAYS * DAY_MS);
        let second = (rng.u64(..100) < TWICE).then(|| rng.usize(..12));
        let after = second.map(|_| (at + 1 + rng.u64(..SECOND_DAYS * DAY_MS)).min(NOW.as_ms() - 1).max(at + 1));
        Somebody {
            device: DeviceId::from_bytes(bytes).unwrap_or_else(|| unreachable!()),
            template: second.map_or(first, |second| firsts + first * 12 + second),
            first: Time::from_ms(at),
            second: after.map(Time::from_ms),
        }
    }

    fn event(&self, word: Word, at: Time) -> Result<Event> {
        let targets = self.targets.iter();
        let place = |target: &Target| {
            let purposes = &self.history.newest().parts().purposes;
            purposes.iter().position(|purpose| purpose.id == target.purpose).unwrap_or_default()
        };
        let stances: Vec<(Target, Stance)> = match word {
            Word::All => targets.map(|target| (target.clone(), Stance::Grant)).collect(),
            Word::None => targets.map(|target| (target.clone(), Stance::Refuse)).collect(),
            Word::Some(mask) => targets
                .map(|target| {
                    let stance = if mask >> place(target) & 1 == 1 { Stance::Grant } else { Stance::Refuse };
                    (target.clone(), stance)
                })
                .collect(),
            Word::Withdrawn(purpose) => targets
                .filter(|target| place(target) == usize::from(purpose) && target.processor.is_none())
                .map(|target| (target.clone(), Stance::Refuse))
                .collect(),
        };
        let surface = match word {
            Word::All | Word::None => Surface::Banner,
            Word::Some(_) | Word::Withdrawn(_) => Surface::Centre,
        };
        let policy = self.history.newest().hash();
        let (notice, language) = ("0".repeat(64).parse()?, "en".parse()?);
        let answering = Answering { policy, notice, language, surface, confirmed: false };
        let choice = Choice::restore(EventId::from_parts(at.as_ms(), &[1; 10]), answering, stances)?;
        Ok(Event { at, kind: EventKind::Chosen(choice) })
    }

    /// What happened to somebody, in full.
    pub fn events(&self, somebody: &Somebody) -> Result<Vec<Event>> {
        let words = &self.templates[somebody.template];
        words.iter().zip(somebody.times()).map(|(word, at)| self.event(*word, at)).collect()
    }

    pub fn past(&self, somebody: &Somebody) -> Result<Past> {
        Ok(Past::of_events(&self.history, Subject::Device(somebody.device), &self.events(somebody)?))
    }

    /// Adds the first subjects to a snapshot. Their pasts are packed once for all who said the same.
    pub fn build(&self, builder: &mut Builder, subjects: u64) -> Result<()> {
        let mut lives: Vec<Option<Life>> = vec![None; self.templates.len()];
        for number in 0..subjects {
            let somebody = self.somebody(number);
            let life = match &lives[somebody.template] {
                Some(life) => life.at(&somebody.times()).context("as many times, ascending")?,
                None => {
                    let life = builder.life(&self.past(&somebody)?)?.context("a past that can be packed")?;
                    lives[somebody.template] = Some(life.clone());
                    life
                }
            };
            builder.add_life(Subject::Device(somebody.device), Some(&life));
        }
        Ok(())
    }

    /// Somebody who says yes or no to each target by itself, so that nobody else says the same.
    pub fn alone(&self, number: u64) -> Result<Past> {
        let mut rng = Rng::with_seed(SEED ^ number);
        let Somebody { device, first, .. } = self.somebody(number);
        let stance = |rng: &mut Rng| if rng.bool() { Stance::Grant } else { Stance::Refuse };
        let Event { at, kind } = self.event(Word::All, first)?;
        let EventKind::Chosen(all) = kind else { unreachable!() };
        let stances = self.targets.iter().map(|target| (target.clone(), stance(&mut rng))).collect();
        let choice = Choice::restore(all.id(), all.answering().clone(), stances)?;
        let event = Event { at, kind: EventKind::Chosen(choice) };
        Ok(Past::of_events(&self.history, Subject::Device(device), &[event]))
    }
}
