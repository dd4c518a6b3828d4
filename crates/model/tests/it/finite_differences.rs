//! The gradient of the whole loss (next token, MTP, balance) against finite differences: the part of training that no
//! outside implementation covers.

use crate::golden::load;
use model::{LossSpec, PackedBatch};
use tensor::{Gradients, Precision, Role};

#[test]
fn mtp_and_balance_gradients_equal_finite_differences() {
    let mut case = load("deepseek_v3_mtp", Precision::F32);
    let packed = PackedBatch::from_documents(&case.documents("two"));
    let spec = LossSpec::over(std::slice::from_ref(&packed), 0.3, 0.01);
    let mut grads = Gradients::new(case.model.params());
    case.model.train_step(&packed, &spec, &mut grads);

    // The balance loss itself is not evaluated without a backward, so the total comes from a training step as well.
    let total = |model: &model::Model| {
        let loss = model.train_step(&packed, &spec, &mut Gradients::new(model.params()));
        loss.loss + 0.3 * loss.mtp_loss + loss.balance_loss
    };
    let mut n_checked = 0;
    for id in case.model.params().ids().collect::<Vec<_>>() {
        if case.model.params().role(id) == Role::Buffer {
            continue;
        }
        let name = case.model.params().name(id).to_owned();
        let gradient = grads.get(id).slice::<f32>().to_vec();
        let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        if norm < 1e-3 {
            continue; // below what f32 losses can resolve
        }
        // Along the gradient itself the slope is its norm, the largest there is.
        let original = case.model.params().master(id).slice::<f32>().to_vec();
        let step = 2e-3 / norm.max(0.1);
        let mut at = |sign: f64| {
            case.model.params_mut().write(id, |w| {
                for ((w, &o), &g) in w.iter_mut().zip(&original).zip(&gradient) {
                    *w = (f64::from(o) + sign * step * f64::from(g) / norm) as f32;
                }
            });
            total(&case.model)
        };
        let slope = (at(1.0) - at(-1.0)) / (2.0 * step);
        case.model.params_mut().set(id, &original);
        assert!((slope / norm - 1.0).abs() < 0.03, "{name}: finite differences {slope}, gradient {norm}");
        n_checked += 1;
    }
    assert!(n_checked > 20, "only {n_checked} parameters had a gradient worth checking");
}
