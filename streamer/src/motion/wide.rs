//! Vector instructions, chosen while running: the one place of this room that needs `unsafe`.
//!
//! Loops here are written plainly and inlined into a function that the compiler may fill with AVX2; where the processor
//! has none, the same loop runs as compiled for every processor, with the same results. On ARM the baseline has
//! vectors.

/// How loops are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    avx2: bool,
}

impl Wide {
    /// The widest that this processor has.
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        let avx2 = is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let avx2 = false;
        Self { avx2 }
    }

    /// What every processor can do.
    pub fn portable() -> Self {
        Self { avx2: false }
    }

    /// Runs a loop. `work` should do nothing but call functions that are `#[inline(always)]`.
    #[inline]
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[allow(unsafe_code)]
            // SAFETY: `avx2` is true only where the processor was asked and has it.
            return unsafe { with_avx2(work) };
        }
        work()
    }

    /// Adds up squares of 8 by 8 bytes: `rows` are eight rows of `stride` bytes, `sums[n]` gets the bytes from `8 n`
    /// on.
    pub fn sum_8x8(self, rows: &[u8], stride: usize, sums: &mut [u16]) {
        assert!(
            stride >= sums.len() * 8 && rows.len() >= stride * 7 + sums.len() * 8,
            "eight rows that hold the squares"
        );
        #[cfg(target_arch = "x86_64")]
        if self.avx2 {
            #[allow(unsafe_code)]
            // SAFETY: as above; the lengths were checked.
            return unsafe { avx2_sum_8x8(rows, stride, sums) };
        }
        sum_squares(rows, stride, 0, sums);
    }
}

/// From the square `first` on.
fn sum_squares(rows: &[u8], stride: usize, first: usize, sums: &mut [u16]) {
    for (n, sum) in sums.iter_mut().enumerate().skip(first) {
        *sum =
            (0..8).map(|row| rows[row * stride + n * 8..][..8].iter().map(|&byte| u16::from(byte)).sum::<u16>()).sum();
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// `rows` must hold `7 stride + 8 sums.len()` bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[allow(unsafe_code)]
unsafe fn avx2_sum_8x8(rows: &[u8], stride: usize, sums: &mut [u16]) {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi64, _mm256_extract_epi64, _mm256_loadu_si256, _mm256_sad_epu8, _mm256_setzero_si256,
    };
    let fours = sums.len() / 4;
    for n in 0..fours {
        let mut sum = _mm256_setzero_si256();
        for row in 0..8 {
            // SAFETY: 32 bytes from `row * stride + 32 n`, at most `7 stride + 8 sums.len()`, lie within `rows`.
            let bytes = unsafe { _mm256_loadu_si256(rows.as_ptr().add(row * stride + n * 32).cast::<__m256i>()) };
            sum = _mm256_add_epi64(sum, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
        }
        let four = &mut sums[n * 4..n * 4 + 4];
        four[0] = _mm256_extract_epi64::<0>(sum) as u16;
        four[1] = _mm256_extract_epi64::<1>(sum) as u16;
        four[2] = _mm256_extract_epi64::<2>(sum) as u16;
        four[3] = _mm256_extract_epi64::<3>(sum) as u16;
    }
    sum_squares(rows, stride, fours * 4, sums);
}
