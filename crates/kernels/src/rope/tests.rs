//! RoPE: frequencies against transformers 5.23.0 (torch 2.15.0), rotation against the twin.

use super::*;
use crate::bf16;
use crate::reference::rope as twin;
use crate::test_support::*;

fn yarn(factor: f64, original: usize, betas: (f64, f64), mscales: (f64, f64)) -> RopeScaling {
    RopeScaling::Yarn {
        factor,
        original_max_position_embeddings: original,
        beta_fast: betas.0,
        beta_slow: betas.1,
        mscale: mscales.0,
        mscale_all_dim: mscales.1,
    }
}

/// `ROPE_INIT_FUNCTIONS[kind](LlamaConfig(head_dim=.., rope_parameters=..))`, every `step`-th frequency.
#[test]
fn frequencies_are_those_of_transformers() {
    #[rustfmt::skip]
    let cases = [
        (yarn(40.0, 4096, (32.0, 1.0), (1.0, 1.0)), 64, 10_000.0, 3, 1.0,
         &[1.0f64, 0.42169651, 0.17782794, 0.074989416, 0.026879361, 0.0083345091, 0.0022493652, 0.00041499041,
           2.4999999e-05, 1.0542412e-05, 4.4456983e-06][..]),
        (yarn(4.0, 64, (32.0, 1.0), (0.707, 1.0)), 16, 10_000.0, 1, 0.964326914892074,
         &[1.0, 0.23717082, 0.049999997, 0.0079056947, 0.0024999999, 0.00079056947, 0.00025000001, 7.9056947e-05][..]),
        (yarn(4.0, 64, (8.0, 2.0), (0.0, 0.0)), 16, 10_000.0, 1, 1.138629436111989,
         &[1.0, 0.19764236, 0.025, 0.0079056947, 0.0024999999, 0.00079056947, 0.00025000001, 7.9056947e-05][..]),
        (RopeScaling::Llama3 {
            factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192,
         }, 128, 500_000.0, 5, 1.0,
         &[1.0, 0.35873023, 0.12868738, 0.046164051, 0.016560441, 0.0059407307, 0.0013718937, 9.5562122e-05,
           3.4281024e-05, 1.2297639e-05, 4.4115345e-06, 1.5825508e-06, 5.6770881e-07][..]),
    ];
    for (scaling, rot_dim, theta, step, factor, want) in cases {
        let got: Vec<f64> = scaling.inverse_frequencies(rot_dim, theta);
        let got: Vec<f64> = got.into_iter().step_by(step).collect();
        assert_eq!(got.len(), want.len());
        for (got, want) in got.iter().zip(want) {
            assert!((got - want).abs() <= 1e-6 * want, "{scaling:?}: {got}, not {want}");
        }
        assert!((scaling.attention_factor() - factor).abs() < 1e-9, "{scaling:?}");
    }
}

#[test]
fn deepseek_v3_has_its_softmax_scale() {
    let v3 = yarn(40.0, 4096, (32.0, 1.0), (1.0, 1.0));
    let want = (0.1 * 40f64.ln() + 1.0).powi(2);
    assert!((yarn_softmax_scale_factor(&v3) - want).abs() < 1e-12);
    assert_eq!(yarn_softmax_scale_factor(&RopeScaling::None), 1.0);
    assert_eq!(yarn_softmax_scale_factor(&yarn(40.0, 4096, (32.0, 1.0), (1.0, 0.0))), 1.0);
}

fn matches_the_twin<T: Element>() {
    let positions: Vec<u32> = (0..70).map(|i| i * 13 % 101).collect();
    for (head_dim, rot_offset, rot_dim) in [(8, 0, 8), (24, 10, 14), (64, 0, 64), (100, 36, 64)] {
        let table = RopeTable::new(rot_dim, 10_000.0, &RopeScaling::Linear { factor: 2.0 }, 101);
        let x: Vec<T> = random(positions.len() * 3 * head_dim, 1);
        for (interleaved, inverse) in [(false, false), (false, true), (true, false), (true, true)] {
            let op = Rope {
                table: &table,
                positions: &positions,
                n_heads: 3,
                head_dim,
                rot_offset,
                rot_dim,
                interleaved,
                inverse,
            };
            let want = twin::rope(&op, &to_f64(&x));
            for isa in Isa::available() {
                let mut y = x.clone();
                rope_apply_on(isa, &op, &mut y);
                assert_close(&format!("{isa:?} {op:?}"), &y, &want, tolerance::<T>());
            }
        }
    }
}

#[test]
fn both_types_match_the_twin() {
    matches_the_twin::<f32>();
    matches_the_twin::<bf16>();
}

#[test]
fn the_inverse_is_the_transpose() {
    let table = RopeTable::new(6, 100.0, &yarn(4.0, 8, (32.0, 1.0), (0.5, 1.0)), 40);
    for interleaved in [false, true] {
        let op = Rope {
            table: &table,
            positions: &[3, 39],
            n_heads: 2,
            head_dim: 8,
            rot_offset: 1,
            rot_dim: 6,
            interleaved,
            inverse: false,
        };
        let (x, dy) = (to_f64::<f32>(&random(32, 1)), to_f64::<f32>(&random(32, 2)));
        let dx = twin::rope(&Rope { inverse: true, ..op }, &dy);
        check_gradient("dx", &x, &dx, |x| weighted(&twin::rope(&op, x), &dy));
    }
}

#[test]
#[should_panic(expected = "position 5 is outside the table of 5")]
fn a_position_outside_the_table_panics() {
    let op = Rope {
        table: &RopeTable::new(2, 100.0, &RopeScaling::None, 5),
        positions: &[5],
        n_heads: 1,
        head_dim: 2,
        rot_offset: 0,
        rot_dim: 2,
        interleaved: false,
        inverse: false,
    };
    rope_apply(&op, &mut [0.0f32; 2]);
}
