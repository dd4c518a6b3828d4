//! The thinking finds what there is to find, and is short.

use super::*;
use crate::families::countdown::Countdown;
use crate::task::{Family, Verdict};
use crate::verify::expression;
use crate::{Options, Rng};

fn solved(numbers: &[u64], target: u64) -> String {
    let (_, answer) =
        search(numbers, target, Order::PairsFirst).unwrap_or_else(|| panic!("nothing for {numbers:?}, {target}"));
    let judgement = expression::judge(numbers, target as i64, &answer);
    assert_eq!(judgement.verdict, Verdict::Right, "{numbers:?} {target} {answer}: {}", judgement.reason);
    answer
}

#[test]
fn each_shape_of_solution_is_found() {
    assert_eq!(solved(&[32, 40, 82], 74), "32+82-40");
    assert_eq!(solved(&[84, 91, 50, 21], 36), "91+50-84-21");
    assert_eq!(solved(&[53, 1, 20], 33), "53*1-20");
    assert_eq!(solved(&[25, 16, 30, 86], 14), "(86-16)/(30-25)");
    assert_eq!(solved(&[13, 5, 9], 72), "(13-5)*9");
    assert_eq!(solved(&[90, 7, 2], 10), "90/(7+2)");
    assert_eq!(solved(&[47, 24, 24, 51], 47), "(24-24)*51+47");
}

#[test]
fn nearly_every_drawn_problem_is_solved_in_few_words() {
    for (level, least, mean_bytes) in [(1, 0.985, 122), (2, 0.975, 290), (3, 0.85, 370)] {
        let (mut n_found, mut n_bytes) = (0, 0);
        for index in 0..1000 {
            let problem = Countdown.draw(&mut Rng::stream(&[11, index]), level);
            let asked = Countdown.ask(&problem, &mut Rng::new(index), &Options::default());
            let demonstration = Countdown.demonstrate(&problem, &asked, &mut Rng::new(0), &Options::default());
            let Some(demonstration) = demonstration else { continue };
            n_found += 1;
            n_bytes += demonstration.reasoning.len() + demonstration.answer_text.len();
            assert!(demonstration.reasoning.len() < MAX_BYTES + 400, "{}", demonstration.reasoning);
            let judgement = Countdown.judge(&problem, &demonstration.answer_text);
            assert_eq!(judgement.verdict, Verdict::Right, "{problem:?} {}", judgement.reason);
        }
        assert!(f64::from(n_found) >= least * 1000.0, "level {level}: {n_found} of 1000");
        assert!(n_bytes / n_found as usize <= mean_bytes, "level {level}: {} bytes", n_bytes / n_found as usize);
    }
}

#[test]
fn divisions_and_signs_are_written_out() {
    let (thinking, _) = search(&[44, 51, 57], 38, Order::PairsFirst).unwrap();
    assert!(thinking.contains("\n57 95: 44 no, 51 no, 57 yes\n44+ 51+ 57-\n44+51-57=38"), "{thinking}");
    let (thinking, _) = search(&[62, 93, 78, 36], 73, Order::PairsFirst).unwrap();
    assert!(
        thinking.contains("\n62+93=155: 98 no, 171 no\n62+78=140: 98 no, 171 no\n62+36=98: 98 yes\n"),
        "{thinking}"
    );
    let (thinking, _) = search(&[93, 78, 36, 62], 73, Order::PairsFirst).unwrap();
    assert!(thinking.contains("\n93+78=171: 98 no, 171 yes\n93+ 78+ 36- 62-\n93+78-36-62=73"), "{thinking}");
    let (thinking, _) = search(&[17, 68, 35], 39, Order::PairsFirst).unwrap();
    assert!(thinking.contains("\n17 68, 35: 68/17: 4*17=68 yes, 68/17=4, 4+35=39\n"), "{thinking}");
    // What does not divide is worked out too.
    let (thinking, _) = search(&[74, 48, 5, 57], 37, Order::PairsFirst).unwrap();
    assert!(thinking.contains("\n74/5: 14*5=70 no\n74/57: 1*57=57 no\n48/5: 9*5=45 no\n48*5=240\n"), "{thinking}");
    assert!(thinking.contains("\n26 57, 5: 57/26: 2*26=52 no, 37/5: 7*5=35 no, 37*5=185, 26+57=83 no\n"), "{thinking}");
}

#[test]
fn what_cannot_be_made_is_given_up() {
    assert_eq!(search(&[1, 1, 1], 100, Order::PairsFirst), None);
    assert_eq!(search(&[2, 2, 2, 2], 99, Order::PairsFirst), None);
    assert_eq!(search(&[1, 1, 1, 1, 1], 97, Order::PairsFirst), None);
}

#[test]
fn divisors_come_first_for_24() {
    let (thinking, answer) = search(&[3, 9, 5, 4], 24, Order::DivisorsFirst).unwrap();
    assert!(thinking.contains("24/3=8"), "{thinking}");
    assert_eq!(expression::judge(&[3, 9, 5, 4], 24, &answer).verdict, Verdict::Right, "{answer}");
}
