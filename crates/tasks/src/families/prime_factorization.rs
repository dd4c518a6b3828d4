//! Prime factors of a number, by trying the primes from 2 on.

use crate::phrase::{Answers, Wordings};
use crate::rng::Rng;
use crate::task::{Asked, Demonstration, Family, Judgement, Options};
use crate::verify::factors;
use crate::worked::Trace;
use serde::{Deserialize, Serialize};

/// Prime factorization.
pub struct PrimeFactorization;

/// A number above 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    n: u64,
}

const WORDINGS: Wordings = Wordings {
    answers: Answers::Text,
    nouns: &[
        "the prime factorization of {n}",
        "the prime factorisation of {n}",
        "the prime decomposition of {n}",
        "{n} as a product of primes",
        "the prime factors of {n}, with repeats",
    ],
    orders: &[
        "factor {n} into primes",
        "factorize {n}",
        "find the prime factors of {n}",
        "write {n} as a product of prime numbers",
        "decompose {n} into prime factors",
        "break {n} down into primes",
    ],
    questions: &["which primes multiply to {n}", "how do you write {n} as a product of primes"],
    wholes: &[],
    chinese: &["把{n}分解质因数。", "{n}的质因数分解是什么？", "将{n}写成质数的乘积。"],
};

/// The largest number that is factored to be judged: trial division up to a million.
const MAX_N: u64 = 1_000_000_000_000;

/// Prime factors in ascending order.
fn primes_of(mut n: u64) -> Vec<u64> {
    let (mut primes, mut d) = (Vec::new(), 2);
    while d * d <= n {
        while n.is_multiple_of(d) {
            primes.push(d);
            n /= d;
        }
        d += 1;
    }
    if n > 1 {
        primes.push(n);
    }
    primes
}

impl Family for PrimeFactorization {
    type Problem = Problem;

    fn name(&self) -> &'static str {
        "prime_factorization"
    }

    fn about(&self) -> &'static str {
        "product of primes: numbers up to 40, 120, 400, 2000"
    }

    fn levels(&self) -> u8 {
        4
    }

    fn draw(&self, rng: &mut Rng, difficulty: u8) -> Problem {
        let (low, high) = [(4, 40), (20, 120), (60, 400), (200, 2000)][usize::from(difficulty) - 1];
        // Half of them a product of small primes: most numbers have one large factor.
        loop {
            let mut n = 1;
            while rng.chance(0.5) || n < low {
                n *= rng.pick(&[2, 2, 2, 3, 3, 5, 7, 11, 13]);
            }
            let n = if rng.chance(0.5) { n } else { rng.between(low, high) };
            if (low..=high).contains(&n) {
                return Problem { n };
            }
        }
    }

    fn canonical(&self, p: &Problem) -> String {
        format!("prime {}", p.n)
    }

    fn ask(&self, p: &Problem, rng: &mut Rng, options: &Options) -> Asked {
        WORDINGS.ask(&[("n", &p.n.to_string())], rng, options)
    }

    fn answer(&self, p: &Problem) -> String {
        if p.n < 2 || p.n > MAX_N {
            return String::new();
        }
        let primes: Vec<String> = primes_of(p.n).iter().map(u64::to_string).collect();
        primes.join(" × ")
    }

    fn demonstrate(&self, p: &Problem, asked: &Asked, _: &mut Rng, _: &Options) -> Option<Demonstration> {
        let mut trace = Trace::new();
        let (mut n, mut found) = (p.n, Vec::new());
        let mut primes = [2u64, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47].into_iter();
        let mut d = primes.next()?;
        while d * d <= n {
            if n.is_multiple_of(d) {
                n /= d;
                found.push(d.to_string());
                trace.line(format!("{}={d}×{n}, so far {}", n * d, found.join(" ")));
            } else {
                trace.line(format!("{n}={d}×{}+{}, not {d}", n / d, n % d));
                d = primes.next()?;
            }
        }
        trace.line(format!("{d}×{d}={}>{n}, {n} is prime", d * d));
        found.push(n.to_string());
        trace.line(format!("primes {}", found.join(" ")));
        let answer = self.answer(p);
        let answer_text = asked.reply(&answer, format!("{} = {answer}", p.n));
        Some(Demonstration { reasoning: trace.finish(), answer_text })
    }

    fn judge(&self, p: &Problem, answer_text: &str) -> Judgement {
        if !(2..=MAX_N).contains(&p.n) {
            return Judgement::cannot_judge(format!("{} is not between 2 and {MAX_N}", p.n));
        }
        factors::judge(&primes_of(p.n), answer_text)
    }
}
