var e=localStorage.getItem("aimo.theme");(e==="light"||e==="dark")&&(document.documentElement.dataset.theme=e);
