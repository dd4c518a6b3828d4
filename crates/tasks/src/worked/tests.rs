//! The form of the steps, and that they reach the result everywhere.

use super::*;

fn shown(work: impl FnOnce(&mut Trace)) -> String {
    let mut trace = Trace::new();
    work(&mut trace);
    trace.finish()
}

#[test]
fn the_form_of_each_operation() {
    let sum =
        "347+588\nones: 7+8=15, carry 1, so far 5\ntens: 4+8+1=13, carry 1, so far 35\nhundreds: 3+5+1=9, so far 935";
    assert_eq!(shown(|trace| _ = trace.add(347, 588)), sum);
    let difference = "45-112\nhundreds: 0<1, negative: 112-45\nones: 2-5=-3, -3+10=7, borrow 1, so far 7\n\
        tens: 1-4-1=-4, -4+10=6, borrow 1, so far 67\nhundreds: 1-0-1=0, so far 067\nresult: -67";
    assert_eq!(shown(|trace| _ = trace.sub(45, 112)), difference);
    let product = "47×86=47×6+47×80\n47×6\nones: 7×6=42, carry 4, so far 2\ntens: 4×6=24, 24+4=28, so far 282\n47×8\n\
        ones: 7×8=56, carry 5, so far 6\ntens: 4×8=32, 32+5=37, so far 376\n47×80=3760\n282+3760\nones: 2+0=2, carry 0, so far 2\n\
        tens: 8+6+0=14, carry 1, so far 42\nhundreds: 2+7+1=10, carry 1, so far 042\nthousands: 0+3+1=4, so far 4042";
    assert_eq!(shown(|trace| _ = trace.mul(47, 86)), product);
    let quotient = "937÷4\nhundreds: 9÷4, 2×4=8, 9-8=1, so far 2\ntens: 13÷4, 3×4=12, 13-12=1, so far 23\n\
        ones: 17÷4, 4×4=16, 17-16=1, so far 234\nresult: 234 remainder 1";
    assert_eq!(shown(|trace| _ = trace.div(937, 4)), quotient);
    assert_eq!(shown(|trace| _ = trace.step(-7, '-', 5)), "-7-5=-(7+5)\n7+5=12\nresult: -12");
    assert_eq!(shown(|trace| _ = trace.step(7, '-', -5)), "7-(-5)=7+5\n7+5=12");
}

/// The last number of a trace is the result, for all pairs of a grid that has the corners.
#[test]
fn traces_reach_their_results() {
    let numbers = [0, 1, 5, 9, 10, 11, 19, 45, 90, 99, 100, 101, 347, 500, 909, 999, 1000, 1234, 9999];
    let ends_in = |trace: Trace, result: i64| {
        let text = trace.finish();
        let last = crate::verify::integer::last(text.rsplit([' ', '=']).next().unwrap()).unwrap();
        assert_eq!(last.to_string(), result.to_string(), "{text}");
    };
    for a in numbers {
        for b in numbers {
            for op in ['+', '-', '×'] {
                for (x, y) in [(a, b), (-a, b), (a, -b), (-a, -b)] {
                    let mut trace = Trace::new();
                    let expected = match op {
                        '+' => x + y,
                        '-' => x - y,
                        _ => x * y,
                    };
                    assert_eq!(trace.step(x, op, y), expected);
                    ends_in(trace, expected);
                }
            }
            if b > 0 {
                let mut trace = Trace::new();
                assert_eq!(trace.div(a as u64, b as u64), ((a / b) as u64, (a % b) as u64));
                ends_in(trace, a % b);
            }
        }
    }
}

#[test]
fn nines_are_cast_out() {
    let text = shown(|trace| trace.check_nines(347, '+', 588, 935));
    assert_eq!(
        text,
        "check by nines\n347: 3+4=7, 7+7=14, 1+4=5, leaves 5\n588: 5+8=13, 13+8=21, 2+1=3, leaves 3\n5+3=8\n8: leaves 8\n\
         935: 9+3=12, 12+5=17, 1+7=8, leaves 8\n8=8, right"
    );
}
