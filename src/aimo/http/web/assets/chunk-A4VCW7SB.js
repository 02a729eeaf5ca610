var s=new BroadcastChannel("aimo"),o=new Set;s.onmessage=e=>o.forEach(t=>t(e.data));var a=e=>s.postMessage(e),n=e=>{o.add(e)};export{a,n as b};
