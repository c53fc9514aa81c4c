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
