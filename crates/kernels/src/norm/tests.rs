//! RMSNorm against its twin, on every instruction set, dense and strided, in both element types.

use super::*;
use crate::bf16;
use crate::reference::norm as twin;
use crate::test_support::*;

const SHAPES: [(usize, usize, usize); 5] = [(1, 1, 1), (3, 17, 20), (70, 64, 64), (5, 200, 333), (130, 96, 96)];

fn op((rows, dim, x_stride): (usize, usize, usize)) -> RmsNorm {
    RmsNorm { rows, dim, x_stride, eps: 1e-6 }
}

fn forward_matches<X: Element, Y: Element>() {
    for shape in SHAPES {
        let op = op(shape);
        let x: Vec<X> = random(op.rows * op.x_stride, 1);
        let gain: Vec<f32> = random(op.dim, 2);
        let want = twin::rms_norm(&op, &to_f64(&x), &to_f64(&gain));
        for isa in Isa::available() {
            let mut y = vec![Y::default(); op.rows * op.dim];
            rms_norm_forward_on(isa, &op, &x, &gain, &mut y);
            assert_close(&format!("{isa:?} {shape:?} y"), &y, &want, tolerance::<Y>());
        }
    }
}

fn backward_matches<X: Element, Y: Element>() {
    for shape in SHAPES {
        let op = op(shape);
        let x: Vec<X> = random(op.rows * op.x_stride, 1);
        let gain: Vec<f32> = random(op.dim, 2);
        let dy: Vec<Y> = random(op.rows * op.dim, 3);
        let before: Vec<X> = random(x.len(), 4);
        let (mut want, want_gain) = twin::rms_norm_backward(&op, &to_f64(&x), &to_f64(&gain), &to_f64(&dy));
        for (want, before) in want.iter_mut().zip(&before) {
            *want += f64::from(before.to_f32());
        }
        for isa in Isa::available() {
            let (mut dx, mut dgain) = (before.clone(), vec![0.0; op.dim]);
            let grads = Grads { dx: &mut dx, accumulate: true, dgain: &mut dgain };
            rms_norm_backward_on(isa, &op, &x, &gain, &dy, grads);
            let what = format!("{isa:?} {shape:?}");
            assert_close(&format!("{what} dx"), &dx, &want, tolerance::<X>());
            assert_close(&format!("{what} dgain"), &dgain, &want_gain, 1e-4);
            for (i, (after, before)) in dx.iter().zip(&before).enumerate() {
                if i % op.x_stride >= op.dim {
                    assert_eq!(after, before, "{what}: column beyond dim changed at {i}");
                }
            }
        }
    }
}

#[test]
fn forward_matches_the_twin() {
    forward_matches::<f32, f32>();
    forward_matches::<f32, bf16>();
    forward_matches::<bf16, bf16>();
}

#[test]
fn backward_matches_the_twin() {
    backward_matches::<f32, f32>();
    backward_matches::<f32, bf16>();
    backward_matches::<bf16, bf16>();
}

#[test]
fn the_twin_is_the_gradient() {
    let op = op((3, 7, 9));
    let (x, gain) = (to_f64::<f32>(&random(27, 1)), to_f64::<f32>(&random(7, 2)));
    let dy = to_f64::<f32>(&random(21, 3));
    let (dx, dgain) = twin::rms_norm_backward(&op, &x, &gain, &dy);
    check_gradient("dx", &x, &dx, |x| weighted(&twin::rms_norm(&op, x, &gain), &dy));
    check_gradient("dgain", &gain, &dgain, |g| weighted(&twin::rms_norm(&op, &x, g), &dy));
}

#[test]
fn rows_and_threads_do_not_change_a_result() {
    let op = op((300, 80, 80));
    let x: Vec<f32> = random(op.rows * op.dim, 1);
    let gain: Vec<f32> = random(op.dim, 2);
    assert_same_on_any_threads("rms_norm_backward", || {
        let (mut dx, mut dgain) = (vec![0.0; x.len()], vec![0.0; op.dim]);
        rms_norm_backward(&op, &x, &gain, &x, &mut dx, false, &mut dgain);
        (dx, dgain)
    });
    let mut all = vec![0.0; x.len()];
    rms_norm_forward(&op, &x, &gain, &mut all);
    let mut one = vec![0.0; op.dim];
    rms_norm_forward(&RmsNorm { rows: 1, ..op }, &x[160..240], &gain, &mut one);
    assert_eq!(one, all[160..240]);
}

#[test]
#[should_panic(expected = "x has 11 elements")]
fn a_wrong_length_names_the_shapes() {
    rms_norm_forward(&op((3, 4, 4)), &[0.0f32; 11], &[1.0; 4], &mut [0.0f32; 12]);
}
