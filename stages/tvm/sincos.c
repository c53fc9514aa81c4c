/* GNU's C library has these two, and LLVM calls them for a sine beside a cosine; Windows' C library has not. Compiled
   without built-ins, else LLVM would find a sine beside a cosine here too. */
double sin(double), cos(double);
float sinf(float), cosf(float);

void sincos(double angle, double *sine, double *cosine) {
  *sine = sin(angle);
  *cosine = cos(angle);
}

void sincosf(float angle, float *sine, float *cosine) {
  *sine = sinf(angle);
  *cosine = cosf(angle);
}
