//! Which instruction set the kernels run on: detected once, at run time, so that one binary runs everywhere.

use std::sync::OnceLock;

/// An instruction set that the kernels are compiled for; each includes those before it.
///
/// A NEON variant would be a new case here and a new [`crate::simd::Simd`] implementation; no kernel would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Plain Rust, eight lanes, no fused multiply-add.
    Portable,
    /// AVX2 with FMA: eight lanes.
    Avx2,
    /// AVX-512 (F, BW, DQ, VL): sixteen lanes.
    Avx512,
    /// AVX-512 that rounds to bf16 in one instruction; products are multiply-adds.
    Avx512Round,
    /// AVX-512 with the bf16 dot product.
    Avx512Bf16,
}

impl Isa {
    /// Every variant, each after those it includes.
    pub const ALL: [Isa; 5] = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Avx512Round, Isa::Avx512Bf16];

    /// The name used in `PENSEUR_ISA`, in checkpoints and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Avx512Round => "avx512round",
            Isa::Avx512Bf16 => "avx512bf16",
        }
    }

    /// The variant of that name.
    pub fn from_name(name: &str) -> Option<Isa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name)
    }

    /// Whether this machine can run it.
    pub fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            match self {
                Isa::Portable => true,
                Isa::Avx2 => avx2,
                Isa::Avx512 => avx512,
                Isa::Avx512Round | Isa::Avx512Bf16 => avx512 && is_x86_feature_detected!("avx512bf16"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Isa::Portable
        }
    }

    /// Every instruction set of this machine. Tests run each kernel on all of them.
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The instruction set in use: the fastest available, or the one that `PENSEUR_ISA` names.
    ///
    /// # Panics
    /// When `PENSEUR_ISA` names an unknown or unavailable set: running silently on another one would change results.
    pub fn active() -> Isa {
        static ACTIVE: OnceLock<Isa> = OnceLock::new();
        *ACTIVE
            .get_or_init(|| choose(std::env::var("PENSEUR_ISA").ok().as_deref()).unwrap_or_else(|why| panic!("{why}")))
    }
}

/// The last of `available`, but not the dot product where multiply-adds do more.
fn fastest(available: &[Isa], has_slow_dot2: bool) -> Isa {
    let wanted = |isa: &&Isa| !(has_slow_dot2 && **isa == Isa::Avx512Bf16);
    *available.iter().rfind(wanted).expect("the portable set is always available")
}

/// Whether the bf16 dot product does less than f32 multiply-adds: on Intel's cores it starts every second cycle, where two
/// multiply-adds start in each (Emerald Rapids, two cores: 177 GFLOP/s beside 350; on AMD's Zen 4 it is 468 beside 234).
fn has_slow_dot2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let id = std::arch::x86_64::__cpuid(0);
        [id.ebx, id.edx, id.ecx].map(u32::to_le_bytes).concat() == b"GenuineIntel"
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// The choice behind [`Isa::active`], as a function of the environment variable's value.
pub fn choose(forced: Option<&str>) -> Result<Isa, String> {
    let available = Isa::available();
    let names = || available.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
    match forced {
        None | Some("") => Ok(fastest(&available, has_slow_dot2())),
        Some(name) => Isa::from_name(name)
            .filter(|isa| available.contains(isa))
            .ok_or_else(|| format!("PENSEUR_ISA={name} cannot be used on this machine, which has: {}", names())),
    }
}

#[cfg(test)]
mod tests;
