"""What LLVM expects of a Windows built on GNU's tools, and Windows' own libraries lack: a few lines that we link in.

They are text in a Python file because a step's key knows the Python that it runs, and nothing else.
"""

from __future__ import annotations

from typing import Final

CHKSTK: Final = r"""
# Windows grows a stack one page at a time, from a guard page. Code with a frame of more than a page calls this first,
# the size in rax, to touch each page in order. Every register comes back as it was; flags do not.
    .globl ___chkstk_ms
___chkstk_ms:
    pushq %rax
    pushq %rcx
    leaq 24(%rsp), %rcx         # the caller's stack pointer: two registers and the return address above ours
.Lpage:
    cmpq $0x1000, %rax
    jbe .Llast
    subq $0x1000, %rcx
    testb $0, (%rcx)
    subq $0x1000, %rax
    jmp .Lpage
.Llast:
    subq %rax, %rcx
    testb $0, (%rcx)
    popq %rcx
    popq %rax
    ret
"""

SINCOS: Final = r"""
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
"""

OWN: Final = {'chkstk.s': CHKSTK, 'sincos.c': SINCOS}
"""Assembler and C, by the names of files."""
