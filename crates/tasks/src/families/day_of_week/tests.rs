//! A day is named, and no other one by it.

use super::*;

#[test]
fn a_day_beside_the_answer_is_another_day() {
    let problem = Problem { day: 2, shift: 11, dates: None };
    let right = |answer: &str| DayOfWeek.judge(&problem, answer).verdict == Verdict::Right;
    for answer in [
        "Sunday",
        "It is Sunday.",
        "11 days after Wednesday is Sunday",
        "It will be a Sunday",
        "星期天",
        "周日",
        "周天",
        "礼拜天",
        "是星期日。",
    ] {
        assert!(right(answer), "{answer}");
    }
    for answer in [
        "Yesterday: Sunday",
        "yesterday was Sunday",
        "星期日前一天",
        "星期日之后",
        "以星期日为准的次日",
        "the morrow of Sunday",
        "next to Sunday",
        "Easter Sunday eve",
        "one week and a day from Sunday",
        "the day after Sunday",
        "Monday",
    ] {
        assert!(!right(answer), "{answer}");
    }
}
