"""Names of files and classes such as users have them, and worse."""

EVIL = (
    "<img src=x onerror=document.title='broken'>",
    "</script><script>document.title='broken'</script>",
    "\"' onmouseover=document.title='broken' x='",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "../../etc/passwd",
    "صورة القطة.jpg",
    "\u202egpj.exe",
    "🐈‍⬛ chat noir 猫.png",
    "n" * 200 + ".jpg",
    "caf\udce9.jpg",
    "bell\x07\x1b[31m.jpg",
    "a  b\tc\nd.jpg",
    "&lt;not a tag&gt;",
)
